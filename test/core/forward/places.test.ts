import { test } from '@jest/globals';
import fc from 'fast-check';
import { markAge } from '../../../core/forward/age.ts';
import { noteBuried, noteDisinterred } from '../../../core/forward/dead-letters.ts';
import { emptyLane, noteEnqueued, noteLink, noteMissing } from '../../../core/forward/state.ts';
import { PRODUCER } from '../../../core/identity.ts';
import { rangeSetOf } from '../../../core/ranges.ts';
import {
  answer,
  apply,
  carryOut,
  EPOCH,
  expectPartition,
  plan,
  SECOND,
  SETTINGS,
  stored,
  upState,
} from './forward-states.ts';

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
