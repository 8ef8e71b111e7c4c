import type { JsonValue } from '../core/filters/filter.ts';
import type { StreamPlan } from '../core/node-plan.ts';
import type { RefusedInput } from '../core/ports.ts';
import type { Quality, ReadingRefusal } from '../core/reading.ts';

/** A reading as the workload made it. Its value, or its time if the value is null, occurs once in a run. */
export interface OfferedReading {
  uid: number;
  device: string;
  stream: string;
  ts: number | undefined;
  value: unknown;
  quality: Quality;
  /** What the border has to say about it; undefined = a good one. */
  refusal: ReadingRefusal | undefined;
  /** Undefined where the stream is not declared. */
  plan: StreamPlan | undefined;
}

/** What a source offers at once. */
export interface OfferedBatch {
  source: string;
  /** The source's position; undefined if it keeps none. */
  number: number | undefined;
  /** What is kept with it in the source's own state, if anything is. */
  kept?: { key: string; value: JsonValue };
  canWait: boolean;
  readings: readonly OfferedReading[];
  unparsable: readonly RefusedInput[];
  /** Monotonic ms of the process that it was offered to. */
  arrivedAt: number;
  /** As the journal answered the commit that it was in. */
  fate: 'open' | 'committed' | 'refused';
}

/**
 * How many of the batches a commit with this state has: it takes them in their order, and the last of them can be told.
 */
export const takenBy = (batches: readonly OfferedBatch[], state: Readonly<Record<string, JsonValue>>): number =>
  batches.findLastIndex((batch) => isIn(batch, state)) + 1;

function isIn({ source, number, kept }: OfferedBatch, state: Readonly<Record<string, JsonValue>>): boolean {
  if (kept) return state[`source-state/${source}/${kept.key}`] === kept.value;
  const position = state[`position/${source}`];
  return number !== undefined && typeof position === 'number' && number <= position;
}
