import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fullBucket, spend, waitMsOf } from '../../core/rate-bucket.ts';

test('law: who waits as told never passes more than the rate allows, but for the burst and the last item', () => {
  fc.assert(
    fc.property(
      fc.record({ perSecond: fc.integer({ min: 1, max: 1e6 }), burst: fc.integer({ min: 1, max: 1e6 }) }),
      fc.array(fc.record({ pauseMs: fc.nat(5_000), amount: fc.integer({ min: 1, max: 2e6 }) }), { maxLength: 50 }),
      (rate, items) => {
        const bucket = fullBucket(rate, 0);
        let now = 0;
        let passed = 0;
        for (const { pauseMs, amount } of items) {
          now += pauseMs;
          now += waitMsOf(bucket, rate, now);
          expect(passed).toBeLessThanOrEqual(rate.burst + (now / 1_000) * rate.perSecond + 1);
          spend(bucket, rate, amount, now);
          passed += amount;
        }
      },
    ),
  );
});

test('after a rest a burst passes at once, and no more than that', () => {
  const rate = { perSecond: 10, burst: 10 };
  const bucket = fullBucket(rate, 0);
  spend(bucket, rate, 10, 3_600_000);
  expect(waitMsOf(bucket, rate, 3_600_000)).toBe(0);
  spend(bucket, rate, 10, 3_600_000);
  expect(waitMsOf(bucket, rate, 3_600_000)).toBe(1_000);
});
