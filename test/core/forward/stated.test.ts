import { expect, test } from '@jest/globals';
import { statementOf } from '../../../core/forward/plan.ts';
import { emptyLane, noteEnqueued, noteOutcome } from '../../../core/forward/state.ts';
import { answer, apply, carryOut, EPOCH, keyOf, upState } from './forward-states.ts';

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
