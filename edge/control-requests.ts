import * as z from 'zod';

export type { PullResult } from '../greengrass-components/sense/pull.ts';

/** A page of a dead letter's records. */
export const MAX_SHOWN_RECORDS = 1_000;
const MAX_IDS = 1_000;

const ids = z.array(z.string().min(1).max(20)).min(1).max(MAX_IDS);
const name = z.string().min(1).max(200);
const timeMs = z.int().min(-8.64e15).max(8.64e15);

/** What the operator of a running node may ask it: one of these a line, as JSON. */
export const controlRequestSchema = z.discriminatedUnion('request', [
  z.strictObject({ request: z.literal('status') }),
  z.strictObject({ request: z.literal('metrics') }),
  z.strictObject({ request: z.literal('dead-letters-list') }),
  z.strictObject({
    request: z.literal('dead-letters-show'),
    id: ids.element,
    /** So many of its records are passed over. */
    skip: z.int().min(0).default(0),
    records: z.int().min(0).max(MAX_SHOWN_RECORDS),
  }),
  z.strictObject({ request: z.literal('dead-letters-replay'), ids: z.union([ids, z.literal('all')]) }),
  z.strictObject({ request: z.literal('dead-letters-discard'), ids }),
  z.strictObject({ request: z.literal('rotate-keys') }),
  z.strictObject({
    request: z.literal('pull'),
    stream: name,
    device: name.optional(),
    /** ms since 1970 UTC; `toMs` is not included. */
    fromMs: timeMs,
    toMs: timeMs,
  }),
]);
export type ControlRequest = z.infer<typeof controlRequestSchema>;
export type ControlQuestion = z.input<typeof controlRequestSchema>;

export const CONTROL_REFUSALS = [
  'invalid-request',
  'too-large',
  'no-such-letter',
  'damaged-letter',
  'no-such-stream',
  'busy',
  'failed',
] as const;
export type ControlRefusal = (typeof CONTROL_REFUSALS)[number];

export type ControlAnswer =
  | { ok: true; value: unknown }
  | {
      ok: false;
      error: ControlRefusal;
      /** For people: what was seen, what is allowed, what to do. */
      detail: string;
    };

/** Reads one line; every problem of it is named together. */
export function parseControlRequest(
  line: string,
): { ok: true; request: ControlRequest } | Extract<ControlAnswer, { ok: false }> {
  const document = jsonOf(line);
  if (document === undefined) {
    return refused('invalid-request', `expected one JSON document a line, seen ${JSON.stringify(line.slice(0, 80))}`);
  }
  const parsed = controlRequestSchema.safeParse(document);
  if (parsed.success) return { ok: true, request: parsed.data };
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'request'}: ${message}`);
  return refused('invalid-request', problems.slice(0, 10).join('; '));
}

export const refused = (error: ControlRefusal, detail: string): Extract<ControlAnswer, { ok: false }> => ({
  ok: false,
  error,
  detail,
});

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // the caller hears what was expected
  }
}
