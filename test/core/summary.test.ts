import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { StoredRow } from '../../core/stored-row.ts';
import { addPoint, mergeNumbers, type NumberSummary, type Point, summarise } from '../../core/summary.ts';

const MINUTE = Date.UTC(2025, 0, 1, 12, 30);
const row = (over: Partial<StoredRow>): StoredRow => ({
  site: 'hall-1',
  node: 'node-a',
  device: 'press-001',
  stream: 'temperature',
  ts: MINUTE,
  value: 1,
  text: null,
  samples: null,
  quality: 'good',
  clock: 'synced',
  lane: 2,
  producer: 'sense',
  epoch: 'aaaaaaaaaaaaaaaa',
  position: 0,
  stored_at: MINUTE,
  ...over,
});

test('a minute worked by hand', () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(summarise(values.map((value, position) => row({ value, position, ts: MINUTE + position * 7_000 })))).toEqual([
    {
      site: 'hall-1',
      node: 'node-a',
      device: 'press-001',
      stream: 'temperature',
      minute: MINUTE,
      count: 8,
      min: 2,
      max: 9,
      sum: 40,
      mean: 5,
      m2: 32,
      first_ts: MINUTE,
      first_epoch: 'aaaaaaaaaaaaaaaa',
      first_position: 0,
      first_value: 2,
      last_ts: MINUTE + 49_000,
      last_epoch: 'aaaaaaaaaaaaaaaa',
      last_position: 7,
      last_value: 9,
      bad: 0,
    },
  ]);
});

test('arrays are counted as values, and no mean is made of them', () => {
  const samples = [1, 2, 3];
  const rows = [0, 1].map((position) => row({ stream: 'window', value: null, samples, position }));
  const bad = row({ stream: 'window', value: null, samples, quality: 'bad', position: 2 });
  expect(summarise([...rows, bad, row({ stream: 'window', value: 7, position: 3 })])).toMatchObject([
    { stream: 'window', count: 1, min: 7, mean: 7, bad: 0 },
    { stream: 'window', count: 2, min: null, mean: null, first_value: null, bad: 1 },
  ]);
});

test('texts are counted, bad and missing values are counted apart', () => {
  const rows = [
    row({ stream: 'state', value: null, text: 'running' }),
    row({ stream: 'state', value: null, text: 'stopped' }),
    row({ stream: 'state', value: null, text: '?', quality: 'bad' }),
    row({ value: null, quality: 'bad' }),
    row({ value: 1e9, quality: 'bad' }),
    row({ value: 3, quality: 'uncertain' }),
  ];
  expect(summarise(rows)).toMatchObject([
    { stream: 'state', count: 2, bad: 1, min: null, mean: null, first_ts: null, last_value: null },
    { stream: 'temperature', count: 1, bad: 2, min: 3, max: 3, sum: 3, mean: 3, m2: 0 },
  ]);
});

test('minutes, streams and kinds stay apart, times before 1970 too', () => {
  const rows = [
    row({ ts: MINUTE + 59_999 }),
    row({ ts: MINUTE + 60_000 }),
    row({ ts: -1 }),
    row({ ts: MINUTE, value: null, text: 'was declared as text' }),
    row({ device: 'press-001t', stream: 'emperature' }),
  ];
  expect(summarise(rows).map(({ device, minute, count, min }) => [device, minute, count, min])).toEqual([
    ['press-001', -60_000, 1, 1],
    ['press-001', MINUTE, 1, 1],
    ['press-001', MINUTE, 1, null],
    ['press-001', MINUTE + 60_000, 1, 1],
    ['press-001t', MINUTE, 1, 1],
  ]);
});

test('of two values in one millisecond the later position is the last', () => {
  const [summary] = summarise([row({ value: 5, position: 11 }), row({ value: 6, position: 10 })]);
  expect(summary).toMatchObject({ first_value: 6, last_value: 5 });
});

test('a spread of one in a billion survives', () => {
  const [summary] = summarise(
    [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16].map((value, position) => row({ value, position })),
  );
  expect(summary!.m2! / 3).toBe(30); // the textbook formula gives 29.33 or worse
});

test('what float64 cannot hold is null, never infinite', () => {
  const [summary] = summarise([row({ value: 1.7e308 }), row({ value: 1.7e308, position: 1 })]);
  expect(summary).toMatchObject({ count: 2, max: 1.7e308, sum: null });
});

const point = fc.record(
  {
    ts: fc.integer({ min: MINUTE, max: MINUTE + 3 }),
    epoch: fc.constantFrom('a', 'b'),
    position: fc.nat(3),
    lane: fc.constantFrom(0 as const, 1 as const),
    producer: fc.constantFrom('x', 'y'),
    value: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constantFrom(0, -0)),
  },
  { noNullPrototype: true },
);
/** A record's identity is unique. */
const points = fc.uniqueArray(point, {
  minLength: 1,
  maxLength: 40,
  selector: ({ epoch, position, lane, producer }) => `${epoch}/${position}/${lane}/${producer}`,
});
const summaryOf = (of: readonly Point[]): NumberSummary => of.reduce<NumberSummary | undefined>(addPoint, undefined)!;
const exactOf = ({ count, min, max, first, last }: NumberSummary) => ({ count, min, max, first, last });

test('law: merged parts are the whole, in any order', () => {
  fc.assert(
    fc.property(
      points,
      fc.array(fc.nat(5), { minLength: 40, maxLength: 40 }),
      fc.boolean(),
      (all, spread, backwards) => {
        const parts = [0, 1, 2, 3, 4, 5]
          .map((part) => all.filter((_, at) => spread[at] === part))
          .filter((part) => part.length > 0)
          .map(summaryOf);
        if (backwards) parts.reverse();
        const merged = parts.reduce(mergeNumbers);
        const whole = summaryOf(all);
        expect(exactOf(merged)).toEqual(exactOf(whole));
        const size = all.reduce((sum, { value }) => sum + Math.abs(value), 1);
        expect(Math.abs(merged.sum - whole.sum)).toBeLessThan(1e-12 * size);
        expect(Math.abs(merged.mean - whole.mean)).toBeLessThan(1e-12 * size);
        expect(Math.abs(merged.m2 - whole.m2)).toBeLessThan(1e-12 * size * size);
      },
    ),
  );
});
