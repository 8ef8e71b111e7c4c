import { type Epoch, PRODUCER } from '../identity.ts';
import { applyOutcome, finished, type Outcome, unfinished } from '../lane-fates.ts';
import type { Answer, AnswerItem } from '../messages.ts';
import type { Lane } from '../priority.ts';
import { addRanges, covers, intersect, type Range, type RangeSet, rangeSetOf, subtract, within } from '../ranges.ts';
import { timeoutMs } from './plan.ts';
import { type Flight, type ForwardState, type HeldRange, type LaneState, resetProbes } from './state.ts';

export interface Answered {
  /** Fates that are new: for the forward log. */
  outcomes: Outcome[];
  /** Envelopes that are stored in full now. */
  landed: Flight[];
}

/** Takes an answer of the far side into the state: the only way for a record to become delivered. */
export function applyAnswer(state: ForwardState, answer: Answer, now: number): Answered {
  if (state.far !== 'up') resetProbes(state, now);
  state.far = 'up';
  state.farSide = answer.farSide;
  state.lastAnswerAt = now;
  const answered: Answered = { outcomes: [], landed: [] };
  for (const item of answer.items) {
    const lane = item.producer === PRODUCER ? laneOf(state, item.epoch, item.lane) : undefined;
    if (lane) applyItem(state, lane, item, now, answered);
  }
  return answered;
}

const laneOf = (state: ForwardState, epoch: Epoch, lane: Lane): LaneState | undefined =>
  state.lanes.find((candidate) => candidate.epoch === epoch && candidate.lane === lane);

function applyItem(state: ForwardState, lane: LaneState, item: AnswerItem, now: number, answered: Answered): void {
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
      refuse(lane, item, now, answered);
      break;
    case 'counted':
      lane.givenUpStated = addRanges(lane.givenUpStated, intersect(rangeSetOf(item.givenUp), lane.fates.givenUp));
  }
}

function deliver(lane: LaneState, stored: RangeSet, answered: Answered): void {
  // Never what was not sent, whatever the far side says; never twice.
  const fresh = subtract(intersect(stored, lane.sent), lane.fates.delivered);
  for (const range of fresh) settle(lane, { ...range, fate: 'delivered' }, answered);
  lane.setbacks = 0;
  const done = finished(lane.fates);
  const landed = lane.flights.filter((flight) => covers(done, flight));
  if (landed.length === 0) return;
  lane.flights = lane.flights.filter((flight) => !landed.includes(flight));
  answered.landed.push(...landed);
}

function settle(lane: LaneState, { from, to, fate }: Range & Pick<Outcome, 'fate'>, answered: Answered): void {
  const outcome: Outcome = { epoch: lane.epoch, lane: lane.lane, from, to, fate };
  const range = [{ from, to }];
  lane.fates = applyOutcome(lane.fates, outcome);
  lane.toSend = subtract(lane.toSend, range);
  lane.doubt = subtract(lane.doubt, range);
  lane.missing = subtract(lane.missing, range);
  lane.held = withoutRanges(lane.held, range);
  answered.outcomes.push(outcome);
}

/** What the far side does not have is sent again if it can be read, else it is lost: given up, and said so. */
function resolveDoubt(lane: LaneState, unknown: RangeSet, answered: Answered): void {
  lane.askedAt = undefined;
  const again = intersect(lane.doubt, unknown);
  lane.doubt = subtract(lane.doubt, again);
  lane.toSend = addRanges(lane.toSend, again);
  for (const range of intersect(lane.missing, unknown)) settle(lane, { ...range, fate: 'damaged' }, answered);
}

function refuse(
  lane: LaneState,
  item: Extract<AnswerItem, { type: 'refused' }>,
  now: number,
  answered: Answered,
): void {
  const { from, to, reason } = item;
  const gone = lane.flights.filter((flight) => flight.from >= from && flight.to <= to);
  lane.flights = lane.flights.filter((flight) => !gone.includes(flight));
  if (reason === 'overlap') deliver(lane, rangeSetOf(item.known ?? []), answered);
  else lane.setbacks++;
  // Only what is open here: a refusal that comes late must not hold what was sent anew.
  const flying = rangeSetOf(lane.flights);
  const open = subtract(unfinished(lane.fates, within([{ from: 0, to: lane.end }], item)), flying);
  const rest = subtract(open, lane.missing);
  lane.doubt = subtract(lane.doubt, rest);
  lane.toSend = subtract(lane.toSend, rest);
  if (reason === 'overlap') {
    lane.held = withoutRanges(lane.held, rest);
    lane.toSend = addRanges(lane.toSend, rest);
  } else {
    const until = now + timeoutMs(lane);
    const held = rangeSetOf(lane.held);
    lane.held = [...lane.held, ...subtract(rest, held).map((range) => ({ ...range, until, reason }))];
  }
}

const withoutRanges = (held: readonly HeldRange[], gone: RangeSet): HeldRange[] =>
  held.flatMap((one) => subtract([one], gone).map((rest) => ({ ...one, ...rest })));
