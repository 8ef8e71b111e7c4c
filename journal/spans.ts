import type { Epoch } from '../core/identity.ts';
import { type FateBook, fatesOf, finished, laneName } from '../core/lane-fates.ts';
import { LANES, type Lane } from '../core/priority.ts';
import { addRange, countOf, covers, NO_RANGES, type Range, type RangeSet, subtract } from '../core/ranges.ts';
import type { CarriedPart } from './carried-codec.ts';
import { type CommittedLane, JOURNAL_LANES, LOCAL_LANE } from './commit-codec.ts';

/**
 * What one segment holds: positions [start, end) of each journal lane of its own epoch, and what was carried into it from
 * segments that had to go. Kept in the heads, so that opening need not read every segment.
 */
export interface SegmentSpan {
  segment: number;
  epoch: Epoch;
  start: number[];
  end: number[];
  /** Bytes of the records of each journal lane. */
  laneBytes: number[];
  /** Of its file. */
  bytes: number;
  /** Of these, what is there for blocks besides the head. */
  room: number;
  marks: AgeMark[];
  carried: CarriedRange[];
  /** It is being given back: nothing is read from it any more, and what it held is elsewhere or has its fate. */
  released?: true;
}

/** Records up to `end` of each lane, and not of an earlier mark, were committed from `sinceMs` to `ageMs` (age clock). */
export interface AgeMark {
  sinceMs: number;
  ageMs: number;
  end: number[];
}

/** Records of an earlier commit, under their own identity. */
export interface CarriedRange extends Range {
  epoch: Epoch;
  lane: Lane;
  sinceMs: number;
  ageMs: number;
  bytes: number;
}

/** How far apart in age the records under one mark may be: so late, at most, a record expires. */
export const MARK_MS = 15 * 60_000;

export const noPositions = (): number[] => new Array<number>(JOURNAL_LANES).fill(0);

export const newSpan = (segment: number, epoch: Epoch, positions: readonly number[]): SegmentSpan => ({
  segment,
  epoch,
  start: [...positions],
  end: [...positions],
  laneBytes: noPositions(),
  bytes: 0,
  room: 0,
  marks: [],
  carried: [],
});

/**
 * Grows the span, in place, by what a commit says was there before it: a block that cannot be read any more held what
 * none of the others do.
 */
export function growSpanTo(span: SegmentSpan, positions: readonly number[]): void {
  for (const [lane, position] of positions.entries()) span.end[lane] = Math.max(span.end[lane]!, position);
}

/** Grows the span by a commit's lanes, in place. */
export function growSpan(span: SegmentSpan, lanes: readonly CommittedLane[], ageMs: number): void {
  if (lanes.length === 0) return;
  for (const { lane, first, count, bytes } of lanes) {
    if (span.start[lane] === span.end[lane]) span.start[lane] = Math.max(first, span.end[lane]!);
    span.end[lane] = Math.max(span.end[lane]!, first + count);
    span.laneBytes[lane]! += bytes.length;
  }
  const last = span.marks.at(-1);
  if (last && ageMs - last.sinceMs < MARK_MS) {
    last.ageMs = Math.max(last.ageMs, ageMs);
    last.end = [...span.end];
  } else span.marks.push({ sinceMs: ageMs, ageMs, end: [...span.end] });
}

/** Grows the span by records that were carried into it, in place; neighbours of about one age become one range. */
export function growSpanByCarried(span: SegmentSpan, parts: readonly CarriedPart[]): void {
  for (const { epoch, lane, first, count, ageMs, bytes } of parts) {
    const last = span.carried.findLast((range) => range.epoch === epoch && range.lane === lane);
    const joins = last !== undefined && last.to === first && Math.abs(ageMs - last.sinceMs) < MARK_MS;
    if (joins) {
      last.to = first + count;
      last.ageMs = Math.max(last.ageMs, ageMs);
      last.bytes += bytes.length;
    } else {
      span.carried.push({ epoch, lane, from: first, to: first + count, sinceMs: ageMs, ageMs, bytes: bytes.length });
    }
  }
}

/** Everything from before this epoch turns out to be older by so many ms, in place (age-clock.ts). */
export function ageSpans(spans: readonly SegmentSpan[], current: Epoch, byMs: number): void {
  for (const span of spans) {
    const older = [
      ...(span.epoch === current ? [] : span.marks),
      ...span.carried.filter(({ epoch }) => epoch !== current),
    ];
    for (const one of older) {
      one.sinceMs -= byMs;
      one.ageMs -= byMs;
    }
  }
}

/** Records that travel, of one lane of one epoch, in one segment. */
export interface Holding extends Range {
  epoch: Epoch;
  lane: Lane;
  ageMs: number;
  bytes: number;
}

/** Everything in a segment that is to travel, whatever became of it. */
export function holdingsOf(span: SegmentSpan): Holding[] {
  const own = LANES.flatMap((lane): Holding[] => {
    const [from, to] = [span.start[lane]!, span.end[lane]!];
    const ageMs = span.marks.at(-1)?.ageMs ?? 0;
    return from < to ? [{ epoch: span.epoch, lane, from, to, ageMs, bytes: span.laneBytes[lane]! }] : [];
  });
  return [...own, ...span.carried];
}

/** A holding, and the part of it that waits for its fate and is on no later segment too. */
export interface Waiting {
  holding: Holding;
  ranges: RangeSet;
}

/**
 * What waits in each segment. A crash between carrying records on and giving their segment back leaves them on both: then
 * the later one has them.
 */
export function waitingIn(spans: readonly SegmentSpan[], book: FateBook): Waiting[][] {
  const later = new Map<string, RangeSet>();
  const done = finishedIn(book);
  const result = spans.toReversed().map((span) => {
    const own = holdingsOf(span).map((holding): Waiting => {
      const { epoch, lane, from, to } = holding;
      const open = subtract([{ from, to }], done(epoch, lane));
      return { holding, ranges: subtract(open, later.get(laneName(epoch, lane)) ?? NO_RANGES) };
    });
    for (const { epoch, lane, from, to } of span.carried) {
      const name = laneName(epoch, lane);
      later.set(name, addRange(later.get(name) ?? NO_RANGES, { from, to }));
    }
    return own;
  });
  return result.toReversed();
}

/** Bytes of records that still wait for their fate. */
export const liveBytes = (waiting: readonly Waiting[]): number =>
  waiting.reduce(
    (sum, { holding, ranges }) => sum + (holding.bytes * countOf(ranges)) / (holding.to - holding.from),
    0,
  );

const localCount = (span: SegmentSpan): number => span.end[LOCAL_LANE]! - span.start[LOCAL_LANE]!;
export const holdsLocal = (span: SegmentSpan): boolean => localCount(span) > 0;
export const localHeldIn = (spans: readonly SegmentSpan[]): number =>
  spans.reduce((sum, span) => sum + localCount(span), 0);

/** Epochs of which a segment holds records, or did. */
export const epochsOnDisk = (spans: readonly SegmentSpan[]): Set<Epoch> =>
  new Set(spans.flatMap(({ epoch, carried }) => [epoch, ...carried.map((range) => range.epoch)]));

/**
 * Segments that may go: every record that travels has a fate, and what stays local is beyond its share of the disk.
 * The last two always stay: they carry the state (segment-log.ts).
 */
export function recyclable(spans: readonly SegmentSpan[], book: FateBook, localBytes: number): SegmentSpan[] {
  const done = finishedIn(book);
  const settled = spans
    .slice(0, -2)
    .filter(
      (span) =>
        span.released || holdingsOf(span).every((holding) => covers(done(holding.epoch, holding.lane), holding)),
    );
  return beyondLocalShare(settled, localBytes);
}

/** The same, and segments whose records are on later ones too: a crash can leave such. */
export function recyclableAfterCrash(spans: readonly SegmentSpan[], book: FateBook, localBytes: number): SegmentSpan[] {
  const waiting = waitingIn(spans, book);
  const settled = spans
    .slice(0, -2)
    .filter((span, index) => span.released || waiting[index]!.every(({ ranges }) => ranges.length === 0));
  return beyondLocalShare(settled, localBytes);
}

function beyondLocalShare(settled: readonly SegmentSpan[], localBytes: number): SegmentSpan[] {
  let kept = 0;
  return settled.toReversed().filter((span) => {
    if (span.released || !holdsLocal(span)) return true;
    kept += span.bytes;
    return kept > localBytes;
  });
}

/** Each lane's finished positions, worked out once. */
function finishedIn(book: FateBook): (epoch: Epoch, lane: Lane) => RangeSet {
  const known = new Map<string, RangeSet>();
  return (epoch, lane) => {
    const name = laneName(epoch, lane);
    const found = known.get(name) ?? finished(fatesOf(book, epoch, lane));
    known.set(name, found);
    return found;
  };
}
