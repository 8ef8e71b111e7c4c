import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type FailoverConfig, type FailoverEvent, newFailoverState, stepFailover } from '../../core/failover.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const CONFIG: FailoverConfig = {
  uplinks: 2,
  unreachableMs: MINUTE,
  silentMs: 3 * MINUTE,
  probeEveryMs: MINUTE,
  steadyMs: 30 * SECOND,
};

test('law: where exactly one uplink serves, the records get there and stay; calls come only with an event or a due time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 4 }),
      fc.nat(3),
      fc.bigInt({ min: 0n, max: 1n << 32n }),
      (uplinks, good, seed) => {
        fc.pre(good < uplinks);
        const random = createSeededRandom(seed);
        const config = { ...CONFIG, uplinks };
        const state = newFailoverState(0);
        let now = 0;
        let wakeAt = 0;
        let probing: number | undefined;
        const feed = (event: FailoverEvent): void => {
          const { actions, wakeAt: next } = stepFailover(state, event, now, random.fraction(), config);
          wakeAt = next;
          for (const action of actions) {
            if (action.type === 'probe') probing = action.uplink;
            if (action.type === 'drop-probe') probing = undefined;
            if (action.type === 'ask' && probing === good) feed({ type: 'probe-answered' });
            if (action.type === 'use') {
              probing = undefined;
              if (action.uplink === good && !action.promote) feed({ type: 'link', up: true });
            }
          }
          if (event.type === 'time' && probing === good && state.probe?.answeredAt === undefined) {
            feed({ type: 'probe-link', up: true });
          }
        };
        if (good === 0) feed({ type: 'link', up: true });
        // Whatever happened before: connections that come, go and sometimes answer.
        for (let step = 0; step < 50; step++) {
          now += random.fraction() * MINUTE;
          feed(random.fraction() < 0.5 ? { type: 'sent' } : { type: 'link', up: state.active === good });
        }
        for (let minute = 0; minute < 240; minute++) {
          now += MINUTE;
          for (let turns = 0; wakeAt <= now; turns++) {
            if (turns > 1_000) throw new Error('it wakes itself without end');
            feed({ type: 'time' });
          }
          if (state.active === good) feed({ type: 'answered' });
        }
        expect(state.active).toBe(good);
      },
    ),
    { numRuns: 300 },
  );
});
