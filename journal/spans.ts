import type { Epoch } from '../core/identity.ts';
import { type FateBook, fatesOf, finished } from '../core/lane-fates.ts';
import { LANES } from '../core/priority.ts';
import { covers } from '../core/ranges.ts';
import { type CommittedLane, JOURNAL_LANES, LOCAL_LANE } from './commit-codec.ts';

/** What one segment holds: positions [start, end) of each journal lane of its one epoch, and its size. */
export interface SegmentSpan {
  segment: number;
  epoch: Epoch;
  start: number[];
  end: number[];
  bytes: number;
}

export const noPositions = (): number[] => new Array<number>(JOURNAL_LANES).fill(0);

export const newSpan = (segment: number, epoch: Epoch, positions: readonly number[]): SegmentSpan => ({
  segment,
  epoch,
  start: [...positions],
  end: [...positions],
  bytes: 0,
});

/**
 * Grows the span, in place, by what a commit says was there before it: a block that cannot be read any more held what
 * none of the others do.
 */
export function growSpanTo(span: SegmentSpan, positions: readonly number[]): void {
  for (const [lane, position] of positions.entries()) span.end[lane] = Math.max(span.end[lane]!, position);
}

/** Grows the span by a commit's lanes, in place. */
export function growSpan(span: SegmentSpan, lanes: readonly CommittedLane[]): void {
  for (const { lane, first, count } of lanes) {
    if (span.start[lane] === span.end[lane]) span.start[lane] = Math.max(first, span.end[lane]!);
    span.end[lane] = Math.max(span.end[lane]!, first + count);
  }
}

const localCount = (span: SegmentSpan): number => span.end[LOCAL_LANE]! - span.start[LOCAL_LANE]!;
export const localHeldIn = (spans: readonly SegmentSpan[]): number =>
  spans.reduce((sum, span) => sum + localCount(span), 0);

/**
 * Segments that may go: every record that travels has a fate, and what stays local is beyond its share of the disk.
 * The last two always stay: they carry the state (segment-log.ts).
 */
export function recyclable(spans: readonly SegmentSpan[], book: FateBook, localBytes: number): SegmentSpan[] {
  const settled = spans.slice(0, -2).filter((span) => allSettled(span, book));
  let kept = 0;
  return settled.toReversed().filter((span) => {
    if (localCount(span) === 0) return true;
    kept += span.bytes;
    return kept > localBytes;
  });
}

function allSettled(span: SegmentSpan, book: FateBook): boolean {
  return LANES.every((lane) =>
    covers(finished(fatesOf(book, span.epoch, lane)), { from: span.start[lane]!, to: span.end[lane]! }),
  );
}
