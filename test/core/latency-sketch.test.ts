import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { latencyAt, mergeLatencies, newLatencySketch, noteLatency } from '../../core/latency-sketch.ts';

const values = fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
const sketchOf = (all: readonly number[]) => {
  const sketch = newLatencySketch();
  for (const value of all) noteLatency(sketch, value, 1);
  return sketch;
};

test('a percentile is at most 0.4 % off the nearest rank', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (all, quantile) => {
      const exact = [...all].sort((a, b) => a - b)[Math.max(1, Math.ceil(quantile * all.length)) - 1]!;
      expect(Math.abs(latencyAt(sketchOf(all), quantile)! - exact)).toBeLessThanOrEqual(0.004 * exact);
    }),
  );
});

test('merged sketches are the sketch of all values', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      expect(mergeLatencies([sketchOf(a), sketchOf(b)])).toEqual(sketchOf([...a, ...b]));
    }),
  );
});

test('no values, no percentile; zero is zero', () => {
  expect(latencyAt(newLatencySketch(), 0.5)).toBeUndefined();
  expect(latencyAt(sketchOf([0, -1]), 0.99)).toBe(0);
});
