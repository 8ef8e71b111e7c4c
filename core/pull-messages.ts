import * as z from 'zod';
import { kindOf, type Parsed, readJson, validated } from './messages.ts';

/**
 * A pull asked for from afar: far side → node a request, node → far side reports of it. Both are small JSON beside the
 * answers and questions of core/messages.ts, and follow the same rule: what is not known is passed over.
 */

const MAX_NAME_CHARACTERS = 200;
const id = z.string().regex(/^[0-9a-z-]{8,64}$/);
const name = z.string().min(1).max(MAX_NAME_CHARACTERS);
const timeMs = z.int().min(-8.64e15).max(8.64e15);
const count = z.int().min(0);

const times = {
  stream: name,
  /** All devices if there is none. */
  device: name.optional(),
  /** ms since 1970 UTC; `toMs` is not included. */
  fromMs: timeMs,
  toMs: timeMs,
};
/** What an operator may ask a hub for. */
export const pullWishSchema = z
  .strictObject({ node: name, ...times })
  .refine(({ fromMs, toMs }) => fromMs < toMs, { path: ['toMs'], message: 'must be above fromMs' });
export type PullWish = z.output<typeof pullWishSchema>;

const pullRequest = z.object({
  type: z.literal('pull'),
  /** Drawn for each pull: a request that comes twice is one pull, and asks how far it is. */
  id,
  ...times,
});
/** Far side → node. */
export type PullRequestMessage = z.output<typeof pullRequest>;

/** As the node's own pull ends (greengrass-components/sense/pull.ts). */
const counts = { pulled: count, pulledBefore: count, unreadable: count, agedOut: count, stillLocal: count };
const pullReport = z.object({
  type: z.literal('pull-report'),
  id,
  state: z.discriminatedUnion('is', [
    /** The node has begun. */
    z.object({ is: z.literal('running') }),
    z.object({ is: z.literal('done'), ...counts }),
    /** `pulled`: so many went through before. */
    z.object({ is: z.literal('refused'), reason: z.string().max(64), detail: z.string().max(1_000), pulled: count }),
  ]),
});
/** Node → far side. */
export type PullReport = z.output<typeof pullReport>;
export type PullState = PullReport['state'];
export type PullCounts = Omit<Extract<PullState, { is: 'done' }>, 'is'>;

export const encodePullRequest = (request: PullRequestMessage): Uint8Array => encode(request);
export const encodePullReport = (report: PullReport): Uint8Array => encode(report);

const REQUEST_STARTS = Buffer.from('{"type":');

/** Whether a message from the far side is a request, and so no answer about envelopes: those start with the far side's id. */
export const isRequest = (bytes: Uint8Array): boolean => REQUEST_STARTS.every((byte, at) => bytes[at] === byte);

export const decodePullRequest = (bytes: Uint8Array): Parsed<PullRequestMessage> => decode(pullRequest, 'pull', bytes);
export const decodePullReport = (bytes: Uint8Array): Parsed<PullReport> => decode(pullReport, 'pull-report', bytes);

function decode<T>(schema: z.ZodType<T>, known: string, bytes: Uint8Array): Parsed<T> {
  const json = readJson(bytes);
  if (!json.ok) return json;
  const kind = kindOf(json.value);
  if (kind === undefined || kind === known) return validated(schema, json.value);
  return { ok: false, detail: `a message of the kind "${kind}", known is ${known}`, unknownKind: kind };
}

/** `type` comes first: see isRequest. */
const encode = ({ type, ...rest }: { type: string }): Uint8Array => Buffer.from(JSON.stringify({ type, ...rest }));
