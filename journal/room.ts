import type { Epoch } from '../core/identity.ts';
import type { FateBook, Outcome } from '../core/lane-fates.ts';
import type { Lane } from '../core/priority.ts';
import { type RangeSet, subtract } from '../core/ranges.ts';
import { type Holding, holdsLocal, liveBytes, type SegmentSpan, type Waiting, waitingIn } from './spans.ts';

/**
 * Emptying a segment costs writing what still waits in it. With a fifth of it gone a byte given back costs four written:
 * dear, but only a journal that is full of more important records does it.
 */
const WORTHWHILE = 0.2;

/**
 * Whether emptying gives something back: part of what it held is gone, or it never held much. What else is not full only
 * could not be packed better; emptying it again and again would never end.
 */
function isWorthEmptying(span: SegmentSpan, live: number): boolean {
  return heldBytes(span) - live >= WORTHWHILE * span.room || live <= WORTHWHILE * span.room;
}

/**
 * The segment that is emptied at least cost: its waiting records are carried on, the rest of it is free. What stays local
 * goes with it, but only if no segment without such records will do. Undefined if each is too full to be worth it.
 */
export function segmentToEmpty(spans: readonly SegmentSpan[], book: FateBook): SegmentSpan | undefined {
  const waiting = waitingIn(spans, book);
  const worthwhile = spans
    .slice(0, -2) // the last two carry the state
    .map((span, index) => ({ span, live: liveBytes(waiting[index]!) }))
    .filter(({ span, live }) => isWorthEmptying(span, live))
    .sort((a, b) => a.live / a.span.room - b.live / b.span.room);
  return (worthwhile.find(({ span }) => !holdsLocal(span)) ?? worthwhile[0])?.span;
}

/** Segments whose waiting records take so little that several of them go into one of `room` bytes; without local records. */
export function smallSegments(spans: readonly SegmentSpan[], book: FateBook, room: number): SegmentSpan[] {
  const waiting = waitingIn(spans, book);
  return spans
    .slice(0, -2) // the last two carry the state
    .filter((span, index) => !holdsLocal(span) && liveBytes(waiting[index]!) <= WORTHWHILE * room);
}

/** Whether one of the last two segments, which always stay, would be worth emptying for what is gone from it. */
export function holdsRoomInLastTwo(spans: readonly SegmentSpan[], book: FateBook): boolean {
  const waiting = waitingIn(spans, book).slice(-2);
  return spans.slice(-2).some((span, index) => {
    const live = liveBytes(waiting[index]!);
    return heldBytes(span) - live >= WORTHWHILE * span.room;
  });
}

const heldBytes = ({ laneBytes, carried }: SegmentSpan): number =>
  [...laneBytes, ...carried.map(({ bytes }) => bytes)].reduce((sum, bytes) => sum + bytes, 0);

export interface Evictable {
  spans: readonly SegmentSpan[];
  book: FateBook;
  /** What is on its way to the far side at the moment. */
  leased: (epoch: Epoch, lane: Lane) => RangeSet;
  /** The most important class that may be touched; 0, critical, is never touched. */
  from: Lane;
}

/** Waits, may go, and is not on its way. */
const freeOf = ({ spans, book, leased, from }: Evictable): Waiting[] =>
  waitingIn(spans, book)
    .flat()
    .map(({ holding, ranges }) => ({ holding, ranges: subtract(ranges, leased(holding.epoch, holding.lane)) }))
    .filter(({ holding, ranges }) => holding.lane >= Math.max(1, from) && ranges.length > 0);

/** What the records take that would still wait if everything went that may go: no making of room gets below it. */
export const bytesStaying = (evictable: Evictable): number =>
  liveBytes(waitingIn(evictable.spans, evictable.book).flat()) - liveBytes(freeOf(evictable));

/** What has to go next when there is no room: of the lowest class that has anything, the oldest. Empty = nothing may go. */
export function nextToEvict(evictable: Evictable): Outcome[] {
  const [first, ...others] = freeOf(evictable);
  if (!first) return [];
  const { holding, ranges } = others.reduce((next, one) => (goesBefore(one.holding, next.holding) ? one : next), first);
  return ranges.map((range) => ({ ...range, epoch: holding.epoch, lane: holding.lane, fate: 'evicted' }));
}

const goesBefore = (a: Holding, b: Holding): boolean => (a.lane === b.lane ? a.ageMs < b.ageMs : a.lane > b.lane);
