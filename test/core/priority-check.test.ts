import { describe, expect, test } from '@jest/globals';
import { PRIORITY_CONTRACT } from '../../core/priority.ts';
import { checkPriorities, explainPriorities } from '../../core/priority-check.ts';
import { planPriorities, priorities } from '../../core/priority-schema.ts';

const DAY = 86_400_000;

test('a fleet file that says nothing gets the contract', () => {
  expect(planPriorities(priorities.parse({}))).toEqual(PRIORITY_CONTRACT);
});

test('each key can be changed alone', () => {
  const planned = planPriorities(
    priorities.parse({ high: { retries: 3, ttl: '2d' }, low: { ttl: 'never', retries: 'infinite' } }),
  );
  expect(planned.high).toEqual({ ...PRIORITY_CONTRACT.high, retries: 3, ttlMs: 2 * DAY });
  expect(planned.low).toEqual({ ...PRIORITY_CONTRACT.low, retries: 'infinite', ttlMs: 'never' });
});

test.each([
  [{ high: { retries: -1 } }, 'high.retries: Too small: expected number to be >=0'],
  [{ high: { retries: 'many' } }, 'high.retries: a whole number from 0 to 1000, or infinite'],
  [{ low: { ttl: 'forever' } }, 'low.ttl: a duration between 1m and 3650d, or never'],
  [{ low: { ttl: '10s', timeout: '5s' } }, 'low.ttl: between 1m and 3650d'],
  [{ normal: { timeout: '5m', maxTimeout: '1m' } }, 'normal.maxTimeout: at least timeout, which is 5m'],
  [{ normal: { ttl: '10m', timeout: '20m' } }, 'normal.ttl: longer than timeout, which is 20m'],
  [{ normal: { timeout: '10ms' } }, 'normal.timeout: between 1s and 1h'],
  [{ normal: { bytesPerSecond: '1B' } }, 'normal.bytesPerSecond: at least 1KiB'],
])('%j is refused with what is allowed', (input, problem) => {
  const issues = priorities.safeParse(input).error?.issues ?? [];
  expect(issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([problem]);
});

test('a stream that would expire before it leaves is refused', () => {
  const stream = { priority: 'high', sync: 2 * DAY, kind: 'number', filter: { type: 'none' } } as const;
  const check = (sync: number | 'on-demand') =>
    checkPriorities({ streams: { level: { ...stream, sync } }, priorities: priorities.parse({}) });
  expect(check(2 * DAY)).toEqual([
    {
      path: ['streams', 'level', 'sync'],
      message: expect.stringMatching(
        /^sync 2d of stream "level" is not shorter than the ttl 1d of priority high: .* priorities.high.ttl$/,
      ),
    },
  ]);
  expect([check(DAY - 1), check('on-demand')]).toEqual([[], []]);
});

describe('headwater check says in words', () => {
  const said = explainPriorities(PRIORITY_CONTRACT).join('\n');

  test('what uses up a retry, and that an outage does not', () => {
    expect(said).toContain('a retry is used up by a refusal, or by silence about an envelope while later ones');
    expect(said).toContain('then no retry is used up, and records only age');
  });

  test('when each class ends', () => {
    expect(said).toContain('critical: an outage of any length expires nothing');
    // 10 s and twice as long each time, an hour at most: 5,110 s and one hour.
    expect(said).toContain(
      'high: an outage expires what has waited 1d; what is refused 11 times is a dead letter, after 2h 25m',
    );
    expect(said).toContain(
      'low: an outage expires what has waited 30d; what is refused 4 times is a dead letter, after 21m',
    );
  });

  test('that a time to live may be over first', () => {
    const short = { ...PRIORITY_CONTRACT, high: { ...PRIORITY_CONTRACT.high, ttlMs: 3_600_000 } };
    expect(explainPriorities(short).join('\n')).toContain(
      'what is refused each time expires before its 11 sends are through, which take 2h 25m',
    );
  });
});
