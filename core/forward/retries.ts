import { type DeadLetterReason, type Outcome, outcomeOf, triesOf, unfinished } from '../lane-fates.ts';
import type { PriorityTerms } from '../priority.ts';
import { addRanges, type Range, type RangeSet, rangeSetOf, subtract, within, withoutRanges } from '../ranges.ts';
import { type Flight, type LaneState, noteTried } from './state.ts';

/**
 * One send of each of these positions has failed. A refused range is tried again in halves: then one record that the
 * far side can not take does not make a dead letter of every other that travelled with it.
 */
export function noteFailure(lane: LaneState, failed: RangeSet, reason: DeadLetterReason): Outcome[] {
  const outcomes = cutAtTries(lane, failed).flatMap((range): Outcome[] => {
    const count = triesOf(lane.fates, range) + 1;
    const parts = reason !== 'no-answer' && count <= MAX_HALVINGS ? halves(range) : [range];
    return parts.map((part) => ({ ...outcomeOf(lane, part), fate: 'tried', count, reason }));
  });
  for (const outcome of outcomes) noteTried(lane, outcome);
  return outcomes;
}

/** Of 2,000 records that travel together 63 remain. A class that is refused as a whole costs 32 envelopes for one. */
const MAX_HALVINGS = 5;

function halves({ from, to }: Range): Range[] {
  const middle = (from + to) >>> 1;
  return middle === from
    ? [{ from, to }]
    : [
        { from, to: middle },
        { from: middle, to },
      ];
}

/** The ranges in pieces that share their failures: what failed does not travel with what did not. */
export function cutAtTries({ fates: { tries } }: LaneState, ranges: RangeSet): Range[] {
  if (tries.length === 0) return [...ranges];
  // One after the other, not each with each: either may be in thousands of pieces.
  const tried = tries.flatMap((one) => within(ranges, one));
  return [...tried, ...subtract(ranges, rangeSetOf(tried))].sort((a, b) => a.from - b.from);
}

/** Nobody answered these envelopes in their time. Why shows later; until then it uses up nothing. */
export function noteSilence(lane: LaneState, late: readonly Flight[]): void {
  const before = withoutRanges(lane.silences, rangeSetOf(late));
  lane.silences = [...before, ...late.map(({ from, to, timeoutAt }) => ({ from, to, timeoutAt }))];
}

/**
 * An envelope of the lane was acknowledged that was sent when others had been silent for their whole timeout: so it
 * was not the far side that was away, and their silence was a failure of their own.
 */
export function explainSilences(lane: LaneState, landed: readonly Flight[]): Outcome[] {
  if (lane.silences.length === 0 || landed.length === 0) return [];
  const sentAt = Math.max(...landed.map((flight) => flight.sentAt));
  const explained = lane.silences.filter(({ timeoutAt }) => timeoutAt <= sentAt);
  if (explained.length === 0) return [];
  lane.silences = lane.silences.filter((silence) => !explained.includes(silence));
  const failed = unfinished(lane.fates, rangeSetOf(explained));
  lane.blamed = addRanges(lane.blamed, failed);
  return noteFailure(lane, failed, 'no-answer');
}

/** What waits and has no retry left is to become a dead letter. What flies or is asked about is waited for. */
export function condemn(lane: LaneState, { retries }: PriorityTerms): void {
  if (retries === 'infinite') return;
  const spent = lane.fates.tries.filter(({ count }) => count > retries);
  if (spent.length === 0) return;
  const waiting = addRanges(lane.toSend, lane.held);
  const dying = spent.flatMap(({ count, reason, ...range }) =>
    within(waiting, range).map((part) => ({ ...part, reason, attempts: count })),
  );
  if (dying.length === 0) return;
  const gone = rangeSetOf(dying);
  lane.toSend = subtract(lane.toSend, gone);
  lane.held = withoutRanges(lane.held, gone);
  lane.dying = [...lane.dying, ...dying];
}
