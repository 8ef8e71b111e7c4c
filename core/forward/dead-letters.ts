import { applyOutcome, finished, type Outcome, outcomeOf, triesOf } from '../lane-fates.ts';
import { addRanges, intersect, NO_RANGES, type RangeSet, rangeSetOf, subtract } from '../ranges.ts';
import { type LaneState, noteOutcome } from './state.ts';

/**
 * Copies of the records are safe: what is not delivered by now is a dead letter.
 *
 * @param unkept of these there was no room for the records: they cannot be replayed
 */
export function noteBuried(lane: LaneState, buried: RangeSet, unkept: RangeSet = NO_RANGES): Outcome[] {
  const outcomes = lane.dying.flatMap(({ reason, ...range }) =>
    intersect([range], buried).map((part): Outcome => ({ ...outcomeOf(lane, part), fate: 'dead-lettered', reason })),
  );
  for (const outcome of outcomes) noteOutcome(lane, outcome);
  const discarded = intersect(unkept, rangeSetOf(outcomes)).map(
    (part): Outcome => ({ ...outcomeOf(lane, part), fate: 'discarded' }),
  );
  for (const outcome of discarded) noteDisinterred(lane, outcome);
  return [...outcomes, ...discarded];
}

/**
 * Records that no envelope can hold. The border lets none in; should there be one all the same, a bug's or an older
 * release's, it is given up, whatever its class: else the lane would wait behind it for ever.
 */
export function noteTooLarge(lane: LaneState, ranges: RangeSet): void {
  const gone = intersect(lane.toSend, ranges);
  lane.toSend = subtract(lane.toSend, gone);
  const dying = gone.map((range) => ({ ...range, reason: 'too-large' as const, attempts: triesOf(lane.fates, range) }));
  lane.dying = [...lane.dying, ...dying];
}

/** By an operator's word: dead letters whose records wait again, and may leave at once, or are gone for good. */
export function noteDisinterred(lane: LaneState, outcome: Outcome): void {
  const before = finished(lane.fates);
  lane.fates = applyOutcome(lane.fates, outcome);
  const again = subtract(before, finished(lane.fates));
  lane.denied = subtract(lane.denied, again);
  lane.toSend = addRanges(lane.toSend, again);
}
