import { expect, test } from '@jest/globals';
import { statementOf } from '../../../core/forward/plan.ts';
import { emptyLane, noteEnqueued, noteOutcome, recoveredLane } from '../../../core/forward/state.ts';
import { NO_FATES } from '../../../core/lane-fates.ts';
import { answer, apply, carryOut, EPOCH, keyOf, plan, SECOND, upState } from './forward-states.ts';

test('what was given up is stated once the far side has denied it: until then it may have it', () => {
  const lane = emptyLane(EPOCH, 2);
  noteEnqueued(lane, 10, 0);
  const state = upState(lane);
  expect(carryOut(state, 0)).toEqual([{ from: 0, to: 10 }]);
  noteOutcome(lane, { epoch: EPOCH, lane: 2, from: 0, to: 10, fate: 'evicted' });
  const stated = () => statementOf(state)?.lanes.map((one) => 'givenUp' in one && one.givenUp);
  expect(stated()).toEqual([[]]);
  const [asked, known] = [[{ from: 0, to: 10 }], [{ from: 2, to: 3 }]];
  apply(state, answer({ type: 'status', ...keyOf(2), asked, known }), 1);
  expect(stated()).toEqual([
    [
      { from: 0, to: 2 },
      { from: 3, to: 10 },
    ],
  ]);
});

test('what is given up while it is on its way is asked about once its time is up: until then an answer may come', () => {
  const lane = emptyLane(EPOCH, 2);
  noteEnqueued(lane, 10, 0);
  const state = upState(lane);
  carryOut(state, 0);
  noteOutcome(lane, { epoch: EPOCH, lane: 2, from: 0, to: 10, fate: 'evicted' });
  expect(plan(state, SECOND).questions).toEqual([]);
  apply(state, answer(), 25 * SECOND); // ingest is there
  expect(plan(state, 30 * SECOND).questions).toMatchObject([
    { question: { type: 'status', lanes: [{ ranges: [{ from: 0, to: 10 }] }] } },
  ]);
});

test('what the far side has taken down as given up is not asked about again after a restart; the rest is', () => {
  const [evicted, taken] = [[{ from: 0, to: 6 }], [{ from: 0, to: 4 }]];
  const fates = { ...NO_FATES, evicted, stated: taken };
  const state = upState(recoveredLane(EPOCH, 2, { available: [], end: 6, marks: [], fates }));
  expect(plan(state, 0).questions).toMatchObject([
    { question: { type: 'status', lanes: [{ ranges: [{ from: 4, to: 6 }] }] } },
  ]);
});

test('the records of lanes that it names no more are counted in the statement', () => {
  const lane = emptyLane(EPOCH, 2);
  noteEnqueued(lane, 10, 0);
  const state = upState(lane);
  expect(statementOf(state)).not.toHaveProperty('forgotten');
  state.forgotten = 7;
  expect(statementOf(state)).toMatchObject({ lanes: [{ upTo: 10 }], forgotten: 7 });
});

test('a node that has nothing left says so: else nobody knew it after a restart of the far side', () => {
  const state = upState();
  Object.assign(state, { forgotten: 7, statementAt: 0 });
  expect(plan(state, 0).questions).toMatchObject([{ question: { type: 'counts', lanes: [], forgotten: 7 } }]);
});
