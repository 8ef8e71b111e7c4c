import { type Epoch, PRODUCER } from '../identity.ts';
import { finished, givenUpOf, type Outcome, outcomeOf, triesOf, unfinished, unstated } from '../lane-fates.ts';
import { type Answer, type AnswerItem, usesRetry } from '../messages.ts';
import type { Lane } from '../priority.ts';
import { addRanges, covers, intersect, type RangeSet, rangeSetOf, subtract, within, withoutRanges } from '../ranges.ts';
import { cutAtTries, explainSilences, noteFailure } from './retries.ts';
import { noteGathered } from './sends.ts';
import { backoffMs, type ForwardSettings, termsOf } from './settings.ts';
import { type Flight, type ForwardState, type LaneState, noteOutcome, resetProbes } from './state.ts';

export interface Answered {
  /** Fates that are new: for the forward log. */
  outcomes: Outcome[];
  /** Envelopes that are stored in full now. */
  landed: Flight[];
}

/**
 * Takes an answer of the far side into the state: the only way for a record to become delivered.
 *
 * @param now monotonic ms
 * @param fraction a random number, 0 ≤ x < 1, for jitter
 */
export function applyAnswer(
  state: ForwardState,
  answer: Answer,
  now: number,
  fraction: number,
  settings: ForwardSettings,
): Answered {
  if (state.far !== 'up') {
    // A probe that nobody answered tells why the envelopes before it were not answered either.
    const wasAway = Object.values(state.probes).some(({ attempts }) => attempts > 1);
    if (wasAway) for (const lane of state.lanes) lane.silences = [];
    resetProbes(state, now);
    noteGathered(state);
  }
  state.far = 'up';
  state.farSide = answer.farSide;
  state.lastAnswerAt = now;
  const answered: Answered = { outcomes: [], landed: [] };
  for (const item of answer.items) {
    const lane = item.producer === PRODUCER ? laneOf(state, item.epoch, item.lane) : undefined;
    if (lane)
      applyItem(state, lane, item, (step) => now + backoffMs(termsOf(settings, lane.lane), step, fraction), answered);
  }
  return answered;
}

const laneOf = (state: ForwardState, epoch: Epoch, lane: Lane): LaneState | undefined =>
  state.lanes.find((candidate) => candidate.epoch === epoch && candidate.lane === lane);

function applyItem(
  state: ForwardState,
  lane: LaneState,
  item: AnswerItem,
  againAt: (step: number) => number,
  answered: Answered,
): void {
  switch (item.type) {
    case 'stored':
      deliver(lane, rangeSetOf(item.ranges), answered);
      break;
    case 'status':
      deliver(lane, intersect(rangeSetOf(item.asked), rangeSetOf(item.known)), answered);
      resolveDoubt(lane, subtract(rangeSetOf(item.asked), rangeSetOf(item.known)), answered);
      break;
    case 'refused':
      if (item.reason !== 'overlap') state.refusals[item.reason] = (state.refusals[item.reason] ?? 0) + 1;
      refuse(lane, item, againAt, answered);
      break;
    case 'counted':
      for (const range of intersect(rangeSetOf(item.givenUp), unstated(lane.fates))) {
        enter(lane, { ...outcomeOf(lane, range), fate: 'stated' }, answered);
      }
  }
}

function deliver(lane: LaneState, stored: RangeSet, answered: Answered): void {
  // Never what was not sent, whatever the far side says; never twice.
  const fresh = subtract(intersect(stored, lane.sent), lane.fates.delivered);
  const outcomes = fresh.map((range): Outcome => ({ ...outcomeOf(lane, range), fate: 'delivered' }));
  if (outcomes[0]) {
    noteOutcome(lane, outcomes[0], fresh);
    answered.outcomes.push(...outcomes);
    lane.setbacks = 0;
  }
  const done = finished(lane.fates);
  const landed = lane.flights.filter((flight) => covers(done, flight));
  if (landed.length === 0) return;
  lane.flights = lane.flights.filter((flight) => !landed.includes(flight));
  answered.landed.push(...landed);
  answered.outcomes.push(...explainSilences(lane, landed));
}

function enter(lane: LaneState, outcome: Outcome, answered: Answered): void {
  noteOutcome(lane, outcome);
  answered.outcomes.push(outcome);
}

/** What the far side does not have is sent again if it can be read, else it is lost: given up, and said so. */
function resolveDoubt(lane: LaneState, unknown: RangeSet, answered: Answered): void {
  lane.askedAt = undefined;
  const again = intersect(lane.doubt, unknown);
  lane.doubt = subtract(lane.doubt, again);
  lane.toSend = addRanges(lane.toSend, again);
  for (const range of intersect(lane.missing, unknown)) {
    enter(lane, { ...outcomeOf(lane, range), fate: 'damaged' }, answered);
  }
  lane.denied = addRanges(lane.denied, intersect(givenUpOf(lane.fates), unknown));
}

function refuse(
  lane: LaneState,
  item: Extract<AnswerItem, { type: 'refused' }>,
  againAt: (step: number) => number,
  answered: Answered,
): void {
  const { from, to, reason } = item;
  const gone = lane.flights.filter((flight) => flight.from >= from && flight.to <= to);
  lane.flights = lane.flights.filter((flight) => !gone.includes(flight));
  if (reason === 'overlap') deliver(lane, rangeSetOf(item.known ?? []), answered);
  // Only what is open here: a refusal that comes late must not hold what was sent anew.
  const flying = rangeSetOf(lane.flights);
  const open = subtract(unfinished(lane.fates, within([{ from: 0, to: lane.end }], item)), flying);
  const rest = subtract(open, addRanges(lane.missing, lane.dying));
  // One that comes twice is one failure: only what was sent and not answered since can have failed.
  const failed = subtract(intersect(rest, addRanges(lane.doubt, gone)), lane.blamed);
  lane.doubt = subtract(lane.doubt, rest);
  lane.toSend = subtract(lane.toSend, rest);
  if (reason === 'overlap') {
    lane.held = withoutRanges(lane.held, rest);
    lane.toSend = addRanges(lane.toSend, rest);
    return;
  }
  // An answer after all: the silence before it was no failure besides.
  lane.silences = withoutRanges(lane.silences, failed);
  if (usesRetry(reason)) answered.outcomes.push(...noteFailure(lane, failed, reason));
  const fresh = subtract(rest, rangeSetOf(lane.held));
  const parts = cutAtTries(lane, fresh).map((range) => ({
    ...range,
    reason,
    until: againAt(Math.max(0, triesOf(lane.fates, range) - 1)),
  }));
  lane.held = [...lane.held, ...parts];
}
