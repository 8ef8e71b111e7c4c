import { expect } from '@jest/globals';
import { NO_BUDGET } from '../../../core/budget-schema.ts';
import { type Answered, applyAnswer } from '../../../core/forward/answers.ts';
import { type ForwardPlan, planForward, timeoutMs } from '../../../core/forward/plan.ts';
import { DEFAULT_LIMITS, type ForwardLimits, type ForwardSettings } from '../../../core/forward/settings.ts';
import { type ForwardState, type LaneState, newForwardState, noteLink, noteSent } from '../../../core/forward/state.ts';
import { PRODUCER } from '../../../core/identity.ts';
import { givenUpOf } from '../../../core/lane-fates.ts';
import type { Answer, AnswerItem } from '../../../core/messages.ts';
import { type Lane, PRIORITY_CONTRACT } from '../../../core/priority.ts';
import type { Range } from '../../../core/ranges.ts';

export const EPOCH = '00000000000000aa';
export const LIMITS: ForwardLimits = { ...DEFAULT_LIMITS, maxFlights: 4, maxRecords: 100 };
export const SETTINGS: ForwardSettings = { limits: LIMITS, priorities: PRIORITY_CONTRACT, budget: NO_BUDGET };
export const SECOND = 1_000;
export const HOUR = 3_600 * SECOND;

export const answer = (...items: AnswerItem[]): Answer => ({ farSide: 'far-1', items });
export const keyOf = <L extends Lane>(lane: L) => ({ producer: PRODUCER, epoch: EPOCH, lane });
export const stored = (lane: Lane, ...ranges: Range[]): AnswerItem => ({ type: 'stored', ...keyOf(lane), ranges });

export const apply = (state: ForwardState, said: Answer, now: number): Answered =>
  applyAnswer(state, said, now, 0, SETTINGS);

/** A forwarder whose link is up and whose far side has spoken. */
export function upState(...lanes: LaneState[]): ForwardState {
  const state = newForwardState(lanes);
  noteLink(state, true, 0);
  apply(state, answer(), 0);
  state.statementAt = Number.POSITIVE_INFINITY;
  return state;
}

export const plan = (state: ForwardState, now: number): ForwardPlan => planForward(state, now, 0.5, SETTINGS);

/** Does what a plan says, as the edge would. */
export function carryOut(state: ForwardState, now: number): Range[] {
  return plan(state, now).sends.map(({ lane, from, to }) => {
    noteSent(lane, {
      from,
      to,
      sentAt: now,
      timeoutAt: now + timeoutMs(lane, { from, to }, 0, SETTINGS),
      bytes: 1,
      commits: [],
    });
    return { from, to };
  });
}

/** fates, toSend, flights, held, doubt and missing cover [0, end) and do not overlap. */
export function expectPartition(lane: LaneState): void {
  const places = {
    delivered: lane.fates.delivered,
    givenUp: givenUpOf(lane.fates),
    toSend: lane.toSend,
    held: lane.held,
    doubt: lane.doubt,
    missing: lane.missing,
    dying: lane.dying,
    flights: openFlights(lane),
  };
  const owner = new Map<number, string>();
  for (const [place, ranges] of Object.entries(places)) {
    for (const { from, to } of ranges) {
      for (let position = from; position < to; position++) {
        if (owner.has(position)) throw new Error(`position ${position} is in ${owner.get(position)} and in ${place}`);
        owner.set(position, place);
      }
    }
  }
  expect(owner.size).toBe(lane.end);
}

/** A flight that was answered in part still flies for the rest. */
const openFlights = (lane: LaneState): Range[] =>
  lane.flights.flatMap(({ from, to }) => {
    const rest: Range[] = [];
    for (let position = from; position < to; position++) {
      const done = [...lane.fates.delivered, ...givenUpOf(lane.fates)].some(
        (range) => range.from <= position && position < range.to,
      );
      if (!done) rest.push({ from: position, to: position + 1 });
    }
    return rest;
  });
