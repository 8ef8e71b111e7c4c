import { finished, type Outcome, outcomeOf } from '../lane-fates.ts';
import { addRanges, type Range, type RangeSet, rangeSetOf, subtract, within } from '../ranges.ts';
import { type ForwardSettings, termsOf } from './settings.ts';
import { type ForwardState, type LaneState, noteOutcome } from './state.ts';

/**
 * Positions below `to`, and not below that of an earlier mark, were enqueued at `ageMs` or earlier, by the journal's
 * age clock.
 */
export interface AgeMark {
  to: number;
  ageMs: number;
}

/** Records enqueued within so long share a mark: memory does not grow with their number, and none expires early. */
const MARK_MS = 15 * 60_000;
/** With a short time to live marks are finer. */
const MARKS_PER_TTL = 100;

export const ageOf = (state: ForwardState, now: number): number => now + state.ageOffsetMs;

/** New positions below `end` were enqueued just now. */
export function markAge(state: ForwardState, lane: LaneState, now: number, settings: ForwardSettings): void {
  const { ttlMs } = termsOf(settings, lane.lane);
  const ageMs = ageOf(state, now);
  const stepMs = ttlMs === 'never' ? MARK_MS : Math.min(MARK_MS, ttlMs / MARKS_PER_TTL);
  const last = lane.marks.at(-1);
  const begun = last !== undefined && lane.markBegunMs + stepMs > ageMs;
  if (!begun) lane.markBegunMs = ageMs;
  const [floor] = finished(lane.fates);
  const settledTo = floor?.from === 0 ? floor.to : 0;
  const earlier = begun ? lane.marks.slice(0, -1) : lane.marks;
  lane.marks = [...earlier.filter(({ to }) => to > settledTo), { to: lane.end, ageMs }];
}

/** It turned out that everything of earlier openings is so much older. */
export function growOlder(state: ForwardState, byMs: number): void {
  for (const lane of state.lanes) {
    if (!lane.recovered) continue;
    lane.marks = lane.marks.map(({ to, ageMs }) => ({ to, ageMs: ageMs - byMs }));
  }
}

/**
 * Gives up what is older than its time to live, wherever it waits. Not what flies: its answer is waited for. Not what
 * cannot be read: whether the far side has it, or it is damaged, is found out first. Not a replayed dead letter.
 */
export function expire(state: ForwardState, lane: LaneState, now: number, settings: ForwardSettings): Outcome[] {
  const { ttlMs } = termsOf(settings, lane.lane);
  if (ttlMs === 'never') return [];
  const bornBefore = ageOf(state, now) - ttlMs;
  const to = lane.marks.findLast(({ ageMs }) => ageMs <= bornBefore)?.to ?? 0;
  if (to === 0) return [];
  const old: RangeSet = subtract(within(waitingOf(lane), { from: 0, to }), lane.fates.replayed);
  const outcomes = old.map((range): Outcome => ({ ...outcomeOf(lane, range), fate: 'expired' }));
  if (outcomes[0]) noteOutcome(lane, outcomes[0], old);
  return outcomes;
}

/** The first position that is not in the set; infinite if there is none. */
function firstOutside(ranges: readonly Range[], set: RangeSet): number {
  let first = Number.POSITIVE_INFINITY;
  for (const range of ranges) {
    if (range.from >= first) continue;
    const [rest] = set.length === 0 ? [range] : subtract([range], set);
    if (rest) first = Math.min(first, rest.from);
  }
  return first;
}

const waitingOf = (lane: LaneState): RangeSet => [lane.toSend, lane.doubt, rangeSetOf(lane.held)].reduce(addRanges);

/** Monotonic ms at which the next position of the lane is too old; infinite if none will be. */
export function expiresAt(state: ForwardState, lane: LaneState, settings: ForwardSettings): number {
  const { ttlMs } = termsOf(settings, lane.lane);
  if (ttlMs === 'never') return Number.POSITIVE_INFINITY;
  const { toSend, doubt, held, fates } = lane;
  const from = Math.min(
    firstOutside(toSend, fates.replayed),
    firstOutside(doubt, fates.replayed),
    firstOutside(held, fates.replayed),
  );
  const mark = lane.marks.find(({ to }) => to > from);
  return mark === undefined ? Number.POSITIVE_INFINITY : mark.ageMs + ttlMs - state.ageOffsetMs;
}
