import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import type { AgeStamp } from './age-clock.ts';
import type { PackedSpans } from './span-codec.ts';

/** Name of the segment log that the producer writes. */
export const RECORDS_LOG = 'records';

/** What the head of each segment carries besides the log's own fields. */
export interface JournalSnapshot {
  epoch: Epoch;
  /** Positions with which the segment starts. */
  positions: number[];
  /** Records enqueued per lane before this epoch. */
  enqueued: number[];
  /** Where the lanes 0..3 of each earlier epoch end, oldest first, while anything is still to be said of it. */
  ends: (readonly [epoch: Epoch, ends: readonly number[]])[];
  /** The segments before this one. */
  spans: PackedSpans;
  /** Damaged places found so far in this log; the forward log counts its own. */
  damages: number;
  stamp: AgeStamp;
  state: Record<string, JsonValue>;
}
