import type { Context } from 'hono';
import type { Audit } from '../core/ports.ts';
import { type PullWish, pullWishSchema } from '../core/pull-messages.ts';
import { jsonBody } from './json-body.ts';
import type { PullStart, Pulls } from './pulls.ts';

const STATUS = { 'unknown-node': 404, 'not-connected': 409, 'too-many-pulls': 503 } as const satisfies Record<
  Extract<PullStart, { ok: false }>['reason'],
  number
>;

/** `POST /pull`: 202 with the id under which `GET /pull/ID` tells how far it is. */
export async function startPull(context: Context, pulls: Pick<Pulls, 'start'>, audit: Audit): Promise<Response> {
  const body = await jsonBody(context);
  if (!body.ok) return body.response;
  const wish = pullWishSchema.safeParse(body.value);
  if (!wish.success) {
    const problems = wish.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
    return context.json({ error: 'invalid-body', detail: problems.slice(0, 10).join('; ') }, 400);
  }
  const started = pulls.start(wish.data);
  const event = { actor: 'http', action: 'pull', target: targetOf(wish.data) };
  if (!started.ok) {
    audit.record({ ...event, outcome: 'refused', reason: started.reason });
    return context.json({ error: started.reason, detail: started.detail }, STATUS[started.reason]);
  }
  audit.record({ ...event, outcome: 'allowed' });
  return context.json({ id: started.id }, 202);
}

export function showPull(context: Context, id: string, pulls: Pick<Pulls, 'look'>): Response {
  const view = pulls.look(id);
  if (view) return context.json(view);
  return context.json(
    { error: 'no-such-pull', detail: 'the hub does not remember it: it may have been restarted' },
    404,
  );
}

const targetOf = ({ node, stream, device, fromMs, toMs }: PullWish): string =>
  `${node} ${stream}${device === undefined ? '' : ` of ${device}`}, ${isoOf(fromMs)} to ${isoOf(toMs)}`.slice(0, 200);

const isoOf = (ms: number): string => new Date(ms).toISOString();
