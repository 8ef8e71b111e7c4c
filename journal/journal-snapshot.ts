import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import type { SegmentSpan } from './spans.ts';

/** Name of the segment log that the producer writes. */
export const RECORDS_LOG = 'records';

/** What the head of each segment carries besides the log's own fields. */
export interface JournalSnapshot {
  epoch: Epoch;
  /** Positions with which the segment starts. */
  positions: number[];
  /** Records enqueued per lane before this epoch. */
  enqueued: number[];
  /** The segments before this one. */
  spans: SegmentSpan[];
  /** Damaged places found so far in this log; the forward log counts its own. */
  damages: number;
  state: Record<string, JsonValue>;
}
