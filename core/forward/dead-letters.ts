import { applyOutcome, finished, type Outcome, outcomeOf } from '../lane-fates.ts';
import { addRanges, intersect, type RangeSet, subtract } from '../ranges.ts';
import { type LaneState, noteOutcome } from './state.ts';

/** Copies of the records are safe: what is not delivered by now is a dead letter. */
export function noteBuried(lane: LaneState, buried: RangeSet): Outcome[] {
  const outcomes = lane.dying.flatMap(({ reason, ...range }) =>
    intersect([range], buried).map((part): Outcome => ({ ...outcomeOf(lane, part), fate: 'dead-lettered', reason })),
  );
  for (const outcome of outcomes) noteOutcome(lane, outcome);
  return outcomes;
}

/** By an operator's word: dead letters whose records wait again, and may leave at once, or are gone for good. */
export function noteDisinterred(lane: LaneState, outcome: Outcome): void {
  const before = finished(lane.fates);
  lane.fates = applyOutcome(lane.fates, outcome);
  const again = subtract(before, finished(lane.fates));
  lane.denied = subtract(lane.denied, again);
  lane.toSend = addRanges(lane.toSend, again);
}
