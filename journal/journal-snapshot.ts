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
  /** Above all series numbers given so far. */
  series: number;
  /** Records enqueued per lane before this epoch. */
  enqueued: number[];
  /** The segments before this one, and where each earlier epoch ends while anything is still to be said of it. */
  spans: PackedSpans;
  /** Damaged places found so far in this log; the forward log counts its own. */
  damages: number;
  stamp: AgeStamp;
  state: Record<string, JsonValue>;
}
