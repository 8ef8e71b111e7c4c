import * as z from 'zod';
import { EPOCH_PATTERN, type NodeLaneKey, nodeLaneKeyText, PRODUCER_PATTERN } from './identity.ts';
import type { Lane } from './priority.ts';
import { countOf, type Range, rangeSetOf } from './ranges.ts';

/**
 * What passes between a node and its far side about envelopes: JSON, validated on both sides. Node → far side: status
 * question, count statement. Far side → node: answers. Releases differ: a field that is not known here is passed over,
 * and so is a kind that is not, by its name (`unknownKind`, `ignored`), never taken for a broken message.
 */

export const REFUSALS = [
  'overlap',
  'identity-conflict',
  'undecodable',
  'unsupported-version',
  'too-large',
  'not-allowed',
  'kills-handler',
  'too-fragmented',
  'too-many-epochs',
  'unknown-table',
  'held',
] as const;
/**
 * Why a far side did not take an envelope. `overlap`: the node sends the rest. `unknown-table`: it lacks a stream table
 * that the envelope names. `held`: it has the envelope and answers for it when the next hop has. `too-fragmented` (it would
 * leave yet another hole in a lane that is full of them) and `too-many-epochs` (the node has named too many lanes) keep
 * the index of one node within bounds.
 */
export type Refusal = (typeof REFUSALS)[number];

/** These are no failure of the envelope: they use up no retry. */
export const FREE_REFUSALS = ['overlap', 'unknown-table', 'held'] as const satisfies readonly Refusal[];
export type FreeRefusal = (typeof FREE_REFUSALS)[number];
/** Each of these uses up a retry: another release of the far side, or another day, may take the records. */
export type RetryableRefusal = Exclude<Refusal, FreeRefusal>;
export const usesRetry = (refusal: Refusal): refusal is RetryableRefusal =>
  !FREE_REFUSALS.some((free) => free === refusal);

/** Greengrass lite drops larger messages from the cloud. */
export const MAX_ANSWER_BYTES = 4_500;
/** More known ranges than this in one refusal or status answer are left for the next question. */
export const MAX_KNOWN_RANGES = 50;

const lane = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]);
const position = z.int().min(0);
const range = z
  .tuple([position, position])
  .refine(([from, to]) => from < to, 'from must be below to')
  .transform(([from, to]): Range => ({ from, to }));
const producer = z.string().regex(PRODUCER_PATTERN);
const laneKey = { producer, epoch: z.string().regex(EPOCH_PATTERN), lane };

/** A statement of so many lanes may leave out older ones. */
export const MAX_STATED_LANES = 200;
const statusQuestion = z.object({
  type: z.literal('status'),
  lanes: z.array(z.object({ ...laneKey, ranges: z.array(range).max(MAX_KNOWN_RANGES) })).max(200),
});
const count = position.optional();
/** `doubtful`: of the waiting and the given-up ones, so many were sent and may be there. The others exclude each other. */
const restOfLane = z.object({
  waiting: count,
  expired: count,
  evicted: count,
  deadLettered: count,
  damaged: count,
  elsewhere: count,
  doubtful: count,
});
export type RestOfLane = z.output<typeof restOfLane>;

/** Each position has one fate: more fates than positions prove that one of them has two. Undefined = no contradiction. */
function contradictionIn(stated: { upTo: number; delivered: number; givenUp: Range[]; rest?: RestOfLane | undefined }) {
  const { upTo, delivered, givenUp, rest = {} } = stated;
  const { waiting = 0, elsewhere = 0, expired = 0, evicted = 0, deadLettered = 0, damaged = 0 } = rest;
  const counted = expired + evicted + deadLettered + damaged;
  const named = countOf(rangeSetOf(givenUp));
  const fates = delivered + waiting + elsewhere + Math.max(counted, named);
  if (fates > upTo) {
    return `${fates} fates of ${upTo} positions (delivered ${delivered}, waiting ${waiting}, delivered elsewhere ${elsewhere}, given up ${Math.max(counted, named)}): some are two things at once`;
  }
  const beyond = givenUp.find(({ to }) => to > upTo);
  return beyond && `given up are positions ${beyond.from} to ${beyond.to}, and only those below ${upTo} were enqueued`;
}

const countStatement = z.object({
  type: z.literal('counts'),
  lanes: z
    .array(
      z
        .strictObject({
          ...laneKey,
          /** Positions below this were enqueued. */
          upTo: position,
          /** How many of them were acknowledged. */
          delivered: position,
          /** Positions that will never come. */
          givenUp: z.array(range).max(MAX_KNOWN_RANGES),
          /** What became of the other ones below `upTo`; what is left out is 0. */
          rest: restOfLane.optional(),
        })
        .refine(({ delivered, upTo }) => delivered <= upTo, 'delivered must not be above upTo')
        .superRefine((stated, context) => {
          const message = contradictionIn(stated);
          if (message !== undefined) context.addIssue({ code: 'custom', message });
        }),
    )
    .max(MAX_STATED_LANES),
  /**
   * Records of the lanes that the node has finished with and names no more, here or before any other far side. A node
   * that lost its journal knows nothing of them: so the two can be told apart. @default 0
   */
  forgotten: count,
  /** Each `rest` says all: delivered + rest = upTo. Absent from nodes of an older release. */
  whole: z.boolean().optional(),
});
const question = z.discriminatedUnion('type', [statusQuestion, countStatement]);
/** What a node asks or states. Ranges are [from, to) pairs on the wire, `Range` objects here. */
export type Question = z.output<typeof question>;
export type StatusQuestion = z.output<typeof statusQuestion>;
export type CountStatement = z.output<typeof countStatement>;

const answerItem = z.discriminatedUnion('type', [
  z.object({ type: z.literal('stored'), ...laneKey, ranges: z.array(range).min(1) }),
  z.object({
    type: z.literal('refused'),
    ...laneKey,
    from: position,
    to: position,
    reason: z.enum(REFUSALS),
    /** With `overlap`: the part of the range that is stored already, its first MAX_KNOWN_RANGES pieces. */
    known: z.array(range).optional(),
  }),
  /**
   * Answer to a status question: of `asked`, exactly `known` is stored. Where more than MAX_KNOWN_RANGES pieces are
   * known `asked` is shorter than the question was; the rest is to be asked again.
   */
  z.object({ type: z.literal('status'), ...laneKey, asked: z.array(range), known: z.array(range) }),
  /** A count statement was taken down. */
  z.object({ type: z.literal('counted'), ...laneKey, upTo: position, givenUp: z.array(range) }),
]);
const answer = z.object({
  /** Changes when the far side is another one, so that nothing is presumed known there. */
  farSide: z.string().min(1).max(64),
  items: z.array(answerItem),
});
export type AnswerItem = z.output<typeof answerItem>;
export type Answer = z.output<typeof answer>;

export type Parsed<T> =
  | {
      ok: true;
      value: T;
      /** Parts of kinds that only a newer release knows; absent = none. */
      ignored?: readonly string[];
    }
  | {
      ok: false;
      detail: string;
      /** The whole message is of a kind that only a newer release knows. */
      unknownKind?: string;
    };

export const encodeQuestion = (value: Question): Uint8Array => encodeJson(value);

export function decodeQuestion(bytes: Uint8Array): Parsed<Question> {
  const json = readJson(bytes);
  if (!json.ok) return json;
  const kind = kindOf(json.value);
  if (kind === undefined || kind === 'status' || kind === 'counts') return validated(question, json.value);
  return { ok: false, detail: `a message of the kind "${kind}", known are status and counts`, unknownKind: kind };
}

export function decodeAnswer(bytes: Uint8Array): Parsed<Answer> {
  const json = readJson(bytes);
  if (!json.ok) return json;
  const ignored: string[] = [];
  const parsed = validated(answer, withoutUnknown(json.value, ignored));
  return parsed.ok && ignored.length > 0 ? { ...parsed, ignored } : parsed;
}

const ITEM_KINDS: readonly string[] = answerItem.options.map((option) => option.shape.type.value);

/** Without the items of a kind, or of a reason, that is not known here. */
function withoutUnknown(json: unknown, ignored: string[]): unknown {
  if (typeof json !== 'object' || json === null || !('items' in json) || !Array.isArray(json.items)) return json;
  const items = json.items.filter((item: unknown) => {
    const kind = kindOf(item);
    const reason = kind === 'refused' ? (item as { reason?: unknown }).reason : undefined;
    const unknown =
      kind !== undefined && !ITEM_KINDS.includes(kind)
        ? kind
        : typeof reason === 'string' && !REFUSALS.some((known) => known === reason)
          ? `refused: ${reason.slice(0, MAX_KIND_CHARACTERS)}`
          : undefined;
    if (unknown !== undefined) ignored.push(unknown);
    return unknown === undefined;
  });
  return { ...json, items };
}

/** Answers of at most MAX_ANSWER_BYTES each: split between items and between ranges, never cut. */
export function encodeAnswers(farSide: string, items: readonly AnswerItem[]): Uint8Array[] {
  const empty = encodeJson({ farSide, items: [] });
  const head = empty.subarray(0, -2); // up to the bracket that opens the items
  const batches: Uint8Array[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of mergeStored(items).flatMap(splitItem).map(encodeJson)) {
    if (size + 1 + item.length > MAX_ANSWER_BYTES) {
      batches.push([item]);
      size = empty.length + item.length;
    } else {
      batches.at(-1)!.push(item);
      size += 1 + item.length;
    }
  }
  return batches.map((batch) =>
    Buffer.concat([head, ...batch.flatMap((item, at) => (at === 0 ? [item] : [COMMA, item])), TAIL]),
  );
}

const COMMA = Buffer.from(',');
const TAIL = Buffer.from(']}');

/** One `stored` item a lane: neighbouring envelopes of a batch become one range. */
function mergeStored(items: readonly AnswerItem[]): AnswerItem[] {
  const merged = new Map<string, Extract<AnswerItem, { type: 'stored' }>>();
  const others: AnswerItem[] = [];
  for (const item of items) {
    if (item.type !== 'stored') {
      others.push(item);
      continue;
    }
    const key = nodeLaneKeyText(item);
    const earlier = merged.get(key);
    if (earlier === undefined) merged.set(key, { ...item, ranges: [...item.ranges] });
    else earlier.ranges.push(...item.ranges);
  }
  for (const item of merged.values()) item.ranges = [...rangeSetOf(item.ranges)];
  return [...merged.values(), ...others];
}

const RANGES_PER_ITEM = 50;

/** A stored item of very many ranges becomes several; the other kinds hold at most MAX_KNOWN_RANGES of a kind. */
function splitItem(item: AnswerItem): AnswerItem[] {
  if (item.type !== 'stored' || item.ranges.length <= RANGES_PER_ITEM) return [item];
  const parts: AnswerItem[] = [];
  for (let at = 0; at < item.ranges.length; at += RANGES_PER_ITEM) {
    parts.push({ ...item, ranges: item.ranges.slice(at, at + RANGES_PER_ITEM) });
  }
  return parts;
}

function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, (_key, field) => (isRange(field) ? [field.from, field.to] : field)));
}

function isRange(value: unknown): value is Range {
  return (
    typeof value === 'object' && value !== null && Object.keys(value).length === 2 && 'from' in value && 'to' in value
  );
}

const MAX_KIND_CHARACTERS = 40;

/** The `type` of a message; undefined if it has none. */
export function kindOf(json: unknown): string | undefined {
  const type = typeof json === 'object' && json !== null && 'type' in json ? json.type : undefined;
  return typeof type === 'string' ? type.slice(0, MAX_KIND_CHARACTERS) : undefined;
}

export function readJson(bytes: Uint8Array): { ok: true; value: unknown } | { ok: false; detail: string } {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return { ok: false, detail: `not JSON: ${(error as Error).message}` };
  }
}

/** The first problem in words, if it has one. */
export function validated<T>(
  schema: z.ZodType<T>,
  json: unknown,
): { ok: true; value: T } | { ok: false; detail: string } {
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, detail: `${issue?.path.join('.') || 'message'}: ${issue?.message}` };
}

export type { Lane, NodeLaneKey };
