import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NO_BUDGET } from '../../../core/budget-schema.ts';
import { markAge } from '../../../core/forward/age.ts';
import { type Answered, applyAnswer } from '../../../core/forward/answers.ts';
import { noteBuried, noteDisinterred } from '../../../core/forward/dead-letters.ts';
import { type ForwardPlan, planForward, timeoutMs } from '../../../core/forward/plan.ts';
import { DEFAULT_LIMITS, type ForwardLimits, type ForwardSettings } from '../../../core/forward/settings.ts';
import {
  emptyLane,
  type ForwardState,
  inDoubtIn,
  type LaneState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteMissing,
  noteSent,
  recoveredLane,
  waitingIn,
} from '../../../core/forward/state.ts';
import { PRODUCER } from '../../../core/identity.ts';
import { givenUpOf, NO_FATES } from '../../../core/lane-fates.ts';
import type { Answer, AnswerItem } from '../../../core/messages.ts';
import { type Lane, MAX_PROBE_INTERVAL_MS, PRIORITY_CONTRACT } from '../../../core/priority.ts';
import { countOf, type Range, rangeSetOf } from '../../../core/ranges.ts';

const EPOCH = '00000000000000aa';
const LIMITS: ForwardLimits = { ...DEFAULT_LIMITS, maxFlights: 4, maxRecords: 100 };
const SETTINGS: ForwardSettings = { limits: LIMITS, priorities: PRIORITY_CONTRACT, budget: NO_BUDGET };
const SECOND = 1_000;

const answer = (...items: AnswerItem[]) => ({ farSide: 'far-1', items });
const stored = (lane: Lane, ...ranges: Range[]): AnswerItem => ({
  type: 'stored',
  producer: PRODUCER,
  epoch: EPOCH,
  lane,
  ranges,
});

const apply = (state: ForwardState, said: Answer, now: number): Answered => applyAnswer(state, said, now, 0, SETTINGS);

/** A forwarder whose link is up and whose far side has spoken. */
function upState(...lanes: LaneState[]): ForwardState {
  const state = newForwardState(lanes);
  noteLink(state, true, 0);
  apply(state, answer(), 0);
  state.statementAt = Number.POSITIVE_INFINITY;
  return state;
}

const plan = (state: ForwardState, now: number): ForwardPlan => planForward(state, now, 0.5, SETTINGS);

/** Does what a plan says, as the edge would. */
function carryOut(state: ForwardState, now: number): Range[] {
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

describe('what is sent when', () => {
  test('nothing before its sync interval, then everything of the lane together', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 5_000);
    noteEnqueued(lane, 15, 9_000);
    expect(plan(state, 4_999).sends).toEqual([]);
    expect(plan(state, 4_999).wakeAt).toBe(5_000);
    expect(carryOut(state, 5_000)).toEqual([{ from: 0, to: 15 }]);
  });

  test('a full envelope leaves before its time', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 100, 1e9);
    expect(carryOut(state, 1)).toEqual([{ from: 0, to: 100 }]);
  });

  test('critical is the first send of the plan, and has room of its own when the window is full', () => {
    const low = emptyLane(EPOCH, 3);
    const critical = emptyLane(EPOCH, 0);
    const state = upState(low, critical);
    noteEnqueued(low, 1_000, 0);
    expect(carryOut(state, 0)).toHaveLength(LIMITS.maxFlights);
    noteEnqueued(critical, 1, 0);
    const { sends } = plan(state, 0);
    expect(sends.map(({ lane }) => lane.lane)).toEqual([0]);
    const fresh = upState(emptyLane(EPOCH, 3), emptyLane(EPOCH, 0));
    for (const lane of fresh.lanes) noteEnqueued(lane, 10, 0);
    expect(plan(fresh, 0).sends[0]?.lane.lane).toBe(0);
  });

  test('an older epoch may leave at once after a restart', () => {
    const lane = recoveredLane(EPOCH, 2, { available: [{ from: 0, to: 30 }], end: 30, marks: [], fates: NO_FATES });
    expect(carryOut(upState(lane), 0)).toEqual([{ from: 0, to: 30 }]);
  });
});

describe('what becomes of it', () => {
  test('only an answer delivers, and never twice', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    expect(waitingIn(lane)).toBe(10);
    expect(apply(state, answer(stored(2, { from: 0, to: 10 })), 1).outcomes).toHaveLength(1);
    expect(apply(state, answer(stored(2, { from: 0, to: 10 })), 2).outcomes).toEqual([]);
    expect(waitingIn(lane)).toBe(0);
  });

  test('an answer cannot deliver what was never sent', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    noteEnqueued(lane, 20, 0);
    const { outcomes } = apply(state, answer(stored(2, { from: 5, to: 1_000 })), 1);
    expect(outcomes).toMatchObject([{ from: 5, to: 10 }]);
  });

  test('overlap for a range that was held after another refusal: in one place only', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 2, 0);
    carryOut(state, 0);
    const refused = { type: 'refused', producer: PRODUCER, epoch: EPOCH, lane: 2, from: 0, to: 2 } as const;
    apply(state, answer({ ...refused, reason: 'not-allowed' }), 1);
    apply(state, answer({ ...refused, reason: 'overlap', known: [{ from: 0, to: 1 }] }), 2);
    expectPartition(lane);
    expect(carryOut(state, 3)).toEqual([{ from: 1, to: 2 }]);
  });

  test('silence while others are answered: asked about, then sent again', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 200, 0);
    expect(carryOut(state, 0)).toHaveLength(2);
    apply(state, answer(stored(2, { from: 100, to: 200 })), 10 * SECOND);
    const { questions, sends } = plan(state, 30 * SECOND);
    expect(state.far).toBe('up');
    expect(sends).toEqual([]);
    expect(questions).toMatchObject([{ question: { type: 'status', lanes: [{ ranges: [{ from: 0, to: 100 }] }] } }]);
    const unknown: AnswerItem = {
      type: 'status',
      producer: PRODUCER,
      epoch: EPOCH,
      lane: 2,
      asked: [{ from: 0, to: 100 }],
      known: [],
    };
    apply(state, answer(unknown), 31 * SECOND);
    expect(carryOut(state, 31 * SECOND)).toEqual([{ from: 0, to: 100 }]);
  });

  test('silence of everybody: the far side counts as down, and only probes leave, at most five minutes apart', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    let now = 30 * SECOND;
    const probes: number[] = [];
    const end = 7 * 24 * 3600 * SECOND;
    while (now < end) {
      const { questions, sends, wakeAt } = plan(state, now);
      expect(sends).toEqual([]);
      if (questions.length > 0) probes.push(now);
      expect(wakeAt).toBeGreaterThan(now);
      now = Math.max(now + 1, Math.ceil(wakeAt));
    }
    expect(state.far).toBe('down');
    const gaps = probes.slice(1).map((at, index) => at - probes[index]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(MAX_PROBE_INTERVAL_MS);
    expect(probes.length).toBeLessThan(end / MAX_PROBE_INTERVAL_MS / 0.85);
    apply(state, answer(stored(2, { from: 0, to: 10 })), now);
    expect(waitingIn(lane)).toBe(0);
  });

  test('a lost link puts what was sent in doubt; the answer to the question decides', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    noteLink(state, false, 1);
    expect(plan(state, 2).questions).toEqual([]);
    noteLink(state, true, 3);
    expect(plan(state, 3).questions).toMatchObject([{ question: { lanes: [{ ranges: [{ from: 0, to: 10 }] }] } }]);
    const half: AnswerItem = {
      type: 'status',
      producer: PRODUCER,
      epoch: EPOCH,
      lane: 2,
      asked: [{ from: 0, to: 10 }],
      known: [{ from: 0, to: 4 }],
    };
    apply(state, answer(half), 4);
    expect(carryOut(state, 4)).toEqual([{ from: 4, to: 10 }]);
  });

  test('overlap: the known part is delivered, the rest is sent at once', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    apply(
      state,
      answer({
        type: 'refused',
        producer: PRODUCER,
        epoch: EPOCH,
        lane: 2,
        from: 0,
        to: 10,
        reason: 'overlap',
        known: [{ from: 2, to: 5 }],
      }),
      1,
    );
    expect(state.refusals).toEqual({});
    expect(carryOut(state, 1)).toEqual([
      { from: 0, to: 2 },
      { from: 5, to: 10 },
    ]);
  });

  test('a refused range is held and tried again later; the rest of the lane goes on', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 100, 0);
    carryOut(state, 0);
    apply(
      state,
      answer({ type: 'refused', producer: PRODUCER, epoch: EPOCH, lane: 2, from: 0, to: 100, reason: 'not-allowed' }),
      1,
    );
    noteEnqueued(lane, 110, 0);
    expect(carryOut(state, 2)).toEqual([{ from: 100, to: 110 }]);
    expect(state.refusals).toEqual({ 'not-allowed': 1 });
    const { wakeAt } = plan(state, 3);
    apply(state, answer(stored(2, { from: 100, to: 110 })), 4);
    // In halves: one record that cannot be taken must not take all the others with it.
    expect(carryOut(state, 1 + 30 * SECOND)).toEqual([
      { from: 0, to: 50 },
      { from: 50, to: 100 },
    ]);
    expect(wakeAt).toBeLessThanOrEqual(1 + 30 * SECOND);
  });

  test('what cannot be read is given up as damaged only after the far side says that it has not got it', () => {
    const available = [
      { from: 0, to: 3 },
      { from: 6, to: 10 },
    ];
    const lane = recoveredLane(EPOCH, 2, { available, end: 10, marks: [], fates: NO_FATES });
    const state = upState(lane);
    const { questions } = plan(state, 0);
    expect(questions).toMatchObject([{ question: { type: 'status', lanes: [{ ranges: [{ from: 3, to: 6 }] }] } }]);
    const reply: AnswerItem = {
      type: 'status',
      producer: PRODUCER,
      epoch: EPOCH,
      lane: 2,
      asked: [{ from: 3, to: 6 }],
      known: [{ from: 3, to: 4 }],
    };
    const { outcomes } = apply(state, answer(reply), 1);
    expect(outcomes).toMatchObject([
      { from: 3, to: 4, fate: 'delivered' },
      { from: 4, to: 6, fate: 'damaged' },
    ]);
    const late = apply(state, answer(stored(2, { from: 4, to: 6 })), 2);
    expect(late.outcomes).toMatchObject([{ from: 4, to: 6, fate: 'delivered' }]);
    expect(countOf(givenUpOf(lane.fates))).toBe(0);
  });
});

test('a far side that has not spoken yet is probed when all there is to say is what was given up', () => {
  const fates = { ...NO_FATES, delivered: [{ from: 0, to: 4 }], damaged: [{ from: 4, to: 5 }] };
  const lane = recoveredLane(EPOCH, 2, { available: [], end: 5, marks: [], fates });
  const state = newForwardState([lane]);
  noteLink(state, true, 0);
  const [{ question } = { question: undefined }] = plan(state, 0).questions;
  expect(question).toMatchObject({ type: 'status', lanes: [{ epoch: EPOCH, ranges: [{ from: 4, to: 5 }] }] });
});

test('after a restart the far side may have all that waits; else only what was sent, however long ago', () => {
  const fates = { ...NO_FATES, delivered: [{ from: 0, to: 4 }] };
  const recovered = recoveredLane(EPOCH, 2, { available: [{ from: 0, to: 10 }], end: 10, marks: [], fates });
  expect(inDoubtIn(recovered)).toBe(6);
  const lane = emptyLane(EPOCH, 2);
  noteEnqueued(lane, 10, 0);
  expect(inDoubtIn(lane)).toBe(0);
  noteSent(lane, { from: 0, to: 3, sentAt: 0, timeoutAt: 1, bytes: 1, commits: [] });
  lane.flights = [];
  lane.toSend = [{ from: 0, to: 10 }];
  expect(inDoubtIn(lane)).toBe(3);
});

test('whatever happens, each unfinished position is in exactly one place', () => {
  type Event = {
    at:
      | 'enqueue'
      | 'send'
      | 'stored'
      | 'refuse'
      | 'overlap'
      | 'status'
      | 'link'
      | 'missing'
      | 'time'
      | 'bury'
      | 'replay';
    a: number;
    b: number;
  };
  const event: fc.Arbitrary<Event> = fc.record({
    at: fc.constantFrom<Event['at']>(
      'enqueue',
      'send',
      'send',
      'stored',
      'refuse',
      'overlap',
      'status',
      'link',
      'missing',
      'time',
      'bury',
      'replay',
    ),
    a: fc.integer({ min: 0, max: 300 }),
    b: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const lane = emptyLane(EPOCH, 1);
      const state = upState(lane);
      let now = 0;
      for (const { at, a, b } of events) {
        const range = { from: Math.min(a, lane.end), to: Math.min(a + b, lane.end) };
        const key = { producer: PRODUCER, epoch: EPOCH, lane: 1 as const };
        const real = range.from < range.to;
        if (at === 'enqueue') {
          noteEnqueued(lane, lane.end + b, now);
          markAge(state, lane, now, SETTINGS);
        }
        if (at === 'send') carryOut(state, now);
        if (at === 'time') now += a * 60 * SECOND; // up to five hours: times to live and retries come to their end
        if (at === 'bury')
          for (const { lane: of, from, to } of plan(state, now).deadLetters) noteBuried(of, [{ from, to }]);
        if (at === 'replay') noteDisinterred(lane, { ...lane, ...range, fate: 'replayed' });
        if (at === 'link') noteLink(state, a % 3 > 0, now);
        if (at === 'missing')
          noteMissing(
            lane,
            rangeSetOf([range]).flatMap((one) =>
              lane.toSend.flatMap((part) =>
                part.from < one.to && part.to > one.from
                  ? [{ from: Math.max(part.from, one.from), to: Math.min(part.to, one.to) }]
                  : [],
              ),
            ),
          );
        if (real && at === 'stored') apply(state, answer(stored(1, range)), now);
        if (real && at === 'refuse')
          apply(state, answer({ type: 'refused', ...key, ...range, reason: 'not-allowed' }), now);
        if (real && at === 'overlap')
          apply(
            state,
            answer({
              type: 'refused',
              ...key,
              ...range,
              reason: 'overlap',
              known: [{ from: range.from, to: range.from + 1 }],
            }),
            now,
          );
        if (real && at === 'status')
          apply(state, answer({ type: 'status', ...key, asked: [range], known: b % 2 ? [] : [range] }), now);
        expectPartition(lane);
      }
    }),
    { numRuns: 300 },
  );
});

/** fates, toSend, flights, held, doubt and missing cover [0, end) and do not overlap. */
function expectPartition(lane: LaneState): void {
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
