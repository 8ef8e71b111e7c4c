import { expect, test } from '@jest/globals';
import { checkReading } from '../../core/reading.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const HOUR = 3_600_000;
const timeOf = (ts: number, clock: 'synced' | 'unsynced') => {
  const checked = checkReading({ device: 'd', stream: 's', value: 1, ts }, 'number', { nowMs: NOON, clock });
  return checked.ok ? checked.reading.ts : checked.detail;
};

test.each([
  ['the first of 2000-01-01', Date.UTC(2000, 0, 1)],
  ['the last of 9999-12-31', Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
])('%s is taken while the clock cannot judge the future, the next outwards is not', (_, ts) => {
  expect(timeOf(ts, 'unsynced')).toBe(ts);
  const outwards = ts < NOON ? -1 : 1;
  expect(timeOf(ts + outwards, 'unsynced')).toMatch(
    outwards < 0
      ? 'time 1999-12-31T23:59:59.999Z is before 2000-01-01'
      : /^time \+010000-01-01T.* is after 9999-12-31$/,
  );
});

test('a clock that is synchronised takes what is a day ahead, and no more', () => {
  expect(timeOf(NOON + 24 * HOUR, 'synced')).toBe(NOON + 24 * HOUR);
  expect(timeOf(NOON + 24 * HOUR + 1, 'synced')).toBe(
    'time 2026-11-25T12:00:00.001Z is more than 24 h ahead of 2026-11-24T12:00:00.000Z',
  );
});
