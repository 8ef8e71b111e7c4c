import { describe, expect, test } from '@jest/globals';
import { inDoubtIn } from '../../../core/forward/doubt.ts';
import { emptyLane, noteEnqueued, noteLink, noteSent, recoveredLane, waitingIn } from '../../../core/forward/state.ts';
import { PRODUCER } from '../../../core/identity.ts';
import { givenUpOf, NO_FATES } from '../../../core/lane-fates.ts';
import type { AnswerItem } from '../../../core/messages.ts';
import { countOf } from '../../../core/ranges.ts';
import { answer, apply, carryOut, EPOCH, expectPartition, plan, SECOND, stored, upState } from './forward-states.ts';

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
