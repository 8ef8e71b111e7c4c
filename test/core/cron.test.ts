import { describe, expect, test } from '@jest/globals';
import { type Cron, nextCron, parseCron } from '../../core/cron.ts';

const cron = (text: string): Cron => {
  const parsed = parseCron(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};
const next = (text: string, after: string): string => new Date(nextCron(cron(text), Date.parse(after))!).toISOString();

test.each([
  ['0 2 * * *', '2026-01-31T02:00:00Z', '2026-02-01T02:00:00.000Z'],
  ['0 2 * * *', '2026-01-31T01:59:59.999Z', '2026-01-31T02:00:00.000Z'],
  ['*/20 8-9 * * 1-5', '2026-01-02T09:40:00Z', '2026-01-05T08:00:00.000Z'],
  ['15,45 * * * *', '2026-01-01T23:46:00Z', '2026-01-02T00:15:00.000Z'],
  ['0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00:00.000Z'],
  ['0 0 1 * 0', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00.000Z'],
  ['0 0 * * 7', '2026-03-02T00:00:00Z', '2026-03-08T00:00:00.000Z'],
  ['5/30 * * * *', '2026-01-01T00:06:00Z', '2026-01-01T00:35:00.000Z'],
])('%s after %s is %s', (text, after, expected) => expect(next(text, after)).toBe(expected));

test('a day that never comes is no time', () => expect(nextCron(cron('0 0 31 2 *'), 0)).toBeUndefined());

describe('what is wrong is said with what is allowed', () => {
  test.each([
    ['0 2 * *', '4 fields, expected 5: minute hour day month weekday'],
    ['60 * * * *', 'minute "60", expected *, a number, a range or a step within 0-59'],
    ['0 5-2 * * *', 'hour "5-2", expected *, a number, a range or a step within 0-23'],
    ['0 0 0 * *', 'day of month "0", expected *, a number, a range or a step within 1-31'],
    ['0 0 * JAN *', 'month "JAN", expected *, a number, a range or a step within 1-12'],
    ['*/0 * * * *', 'minute "*/0", expected *, a number, a range or a step within 0-59'],
  ])('%s', (text, problem) => expect(parseCron(text)).toBe(problem));
});
