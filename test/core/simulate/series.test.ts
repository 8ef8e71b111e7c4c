import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SimulateModel } from '../../../core/fleet.ts';
import { gaussian, seedOf, spellAt, uniform, wander } from '../../../core/simulate/noise.ts';
import { createSeries, type SimulatedSeries } from '../../../core/simulate/series.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const identity = { seed: 1, node: 'n', device: 'd', stream: 's' };
type Analog = Extract<SimulateModel, { shape: 'analog' }>;
const FLAT: Analog = { shape: 'analog', base: 70, daily: 0, noise: 0, drift: 0, step: 0, stepEvery: HOUR, decimals: 2 };

const sample = (series: SimulatedSeries, spanMs: number, everyMs: number, fromMs = START) =>
  Array.from({ length: Math.floor(spanMs / everyMs) }, (_, at) => series(fromMs + at * everyMs));
const numbers = (values: unknown[]) => values.filter((value): value is number => typeof value === 'number');
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: number[]) => {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
};
const changes = (values: unknown[]) => values.filter((value, at) => at > 0 && value !== values[at - 1]).length;

describe('noise', () => {
  test('is uniform or normal, and independent from one moment to the next', () => {
    const uniforms = Array.from({ length: 20_000 }, (_, at) => uniform(seedOf('u'), START + at * 1_000));
    expect(mean(uniforms)).toBeCloseTo(0.5, 1);
    expect(deviation(uniforms)).toBeCloseTo(Math.sqrt(1 / 12), 2);
    expect(Math.min(...uniforms)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniforms)).toBeLessThan(1);
    const normals = Array.from({ length: 20_000 }, (_, at) => gaussian(seedOf('g'), START + at * 1_000));
    expect(Math.abs(mean(normals))).toBeLessThan(0.03);
    expect(Math.abs(deviation(normals) - 1)).toBeLessThan(0.03);
    const lagged = mean(normals.slice(1).map((value, at) => value * normals[at]!));
    expect(Math.abs(lagged)).toBeLessThan(0.03);
  });

  test('a spell reigns from its start until the next one starts', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 4e12 }),
        fc.integer({ min: 1_000, max: 9e7 }),
        (seed, at, mean) => {
          const spell = spellAt(seed, at, mean);
          expect(spell.startMs).toBeLessThanOrEqual(at);
          const next = (spell.index + 1 + uniform(seed, spell.index + 1)) * mean;
          expect(next).toBeGreaterThan(at);
        },
      ),
    );
  });

  test('wandering is bounded and has no jumps', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 0, max: 4e12 }), (seed, at) => {
        const here = wander(seed, at, DAY);
        expect(Math.abs(here)).toBeLessThanOrEqual(1);
        expect(Math.abs(wander(seed, at + 1_000, DAY) - here)).toBeLessThan(0.001);
      }),
    );
  });
});

describe('a simulated series', () => {
  test('is a function of its names, its seed and the time alone', () => {
    const model: Analog = { ...FLAT, noise: 1, daily: 3, drift: 2, step: 5, faultEvery: HOUR };
    fc.assert(
      fc.property(
        fc.nat(),
        fc.string(),
        fc.array(fc.integer({ min: START, max: START + 400 * DAY })),
        (seed, device, times) => {
          const one = createSeries(model, { ...identity, seed, device });
          const other = createSeries({ ...model }, { ...identity, seed, device });
          // Asked in another order, in another instance: the same answers.
          const backwards = [...times]
            .reverse()
            .map((at) => other(at))
            .reverse();
          expect(times.map((at) => one(at))).toEqual(backwards);
        },
      ),
    );
    const first = sample(createSeries(model, identity), HOUR, 60_000);
    for (const other of [{ seed: 2 }, { node: 'm' }, { device: 'e' }, { stream: 'r' }]) {
      expect(sample(createSeries(model, { ...identity, ...other }), HOUR, 60_000)).not.toEqual(first);
    }
  });

  test('stays the same from release to release', () => {
    const model: Analog = { ...FLAT, noise: 1, daily: 3, drift: 2, step: 5, faultEvery: HOUR };
    expect(sample(createSeries(model, identity), 6 * HOUR, HOUR)).toMatchInlineSnapshot(`
[
  66.31,
  67.88,
  63.31,
  66.66,
  61.46,
  59.14,
]
`);
  });

  test('is always finite, rounded to its decimals, not below its minimum, never minus zero', () => {
    const model = fc.record({
      shape: fc.constant('analog' as const),
      base: fc.integer({ min: -1_000, max: 1_000 }),
      daily: fc.nat(50),
      noise: fc.nat(50),
      drift: fc.nat(50),
      step: fc.nat(50),
      stepEvery: fc.integer({ min: 1_000, max: DAY }),
      faultEvery: fc.option(fc.integer({ min: 1_000, max: DAY }), { nil: undefined }),
      decimals: fc.nat(4),
      minimum: fc.constantFrom(-5, 0, 5),
    });
    fc.assert(
      fc.property(model, fc.integer({ min: 0, max: 4e12 }), (some, at) => {
        const { faultEvery, ...rest } = some;
        const value = createSeries(faultEvery === undefined ? rest : { ...rest, faultEvery }, identity)(at);
        if (value === null) return;
        expect(value).toBeGreaterThanOrEqual(some.minimum);
        expect(Object.is(value, -0)).toBe(false);
        expect(value).toBe(Number((value as number).toFixed(some.decimals)));
      }),
    );
  });

  test('has the noise, the daily cycle and the operating points that were asked for', () => {
    const noisy = numbers(sample(createSeries({ ...FLAT, noise: 2 }, identity), DAY, 60_000));
    expect(Math.abs(deviation(noisy) - 2)).toBeLessThan(0.15);
    const daily = createSeries({ ...FLAT, daily: 10 }, identity);
    const swing = numbers(sample(daily, DAY, 60_000));
    expect(Math.max(...swing) - Math.min(...swing)).toBeCloseTo(20, 0);
    expect(daily(START + 3 * DAY)).toBe(daily(START));
    const stepped = numbers(sample(createSeries({ ...FLAT, step: 10 }, identity), 20 * DAY, 30_000));
    const levels = new Set(stepped.map((value) => Math.round(value / 10)));
    expect(levels.size).toBe(3);
    const resting = stepped.filter((value, at) => at > 0 && value === stepped[at - 1]).length;
    expect(resting / stepped.length).toBeGreaterThan(0.8);
  });

  test('has spikes, stuck values and drop-outs, and is healthy nearly all of the time', () => {
    const model = { ...FLAT, noise: 1, faultEvery: 6 * HOUR };
    const values = sample(createSeries(model, identity), 40 * DAY, 60_000);
    const healthy = sample(createSeries({ ...FLAT, noise: 1 }, identity), 40 * DAY, 60_000);
    const differs = values.map((value, at) => value !== healthy[at]);
    const share = differs.filter(Boolean).length / values.length;
    expect(share).toBeGreaterThan(0.002);
    expect(share).toBeLessThan(0.05);
    expect(values).toContain(null);
    expect(numbers(values).some((value) => Math.abs(value - 70) > 15)).toBe(true);
    const longestRun = values.reduce<{ run: number; longest: number }>(
      ({ run, longest }, value, at) => {
        const now = value !== null && value === values[at - 1] ? run + 1 : 1;
        return { run: now, longest: Math.max(longest, now) };
      },
      { run: 0, longest: 0 },
    ).longest;
    expect(longestRun).toBeGreaterThan(5);
  });

  test('of states changes once per dwell on average and is mostly in its usual state', () => {
    const states = ['running', 'idle', 'fault'];
    const values = sample(createSeries({ shape: 'states', states, dwell: HOUR }, identity), 100 * DAY, 60_000);
    expect(new Set(values)).toEqual(new Set(states));
    expect((100 * 24) / changes(values)).toBeCloseTo(1, 0);
    expect(values.filter((value) => value === 'running').length / values.length).toBeCloseTo(0.6, 1);
  });

  test.each([0.5, 0.05])('of a switch is on for %d of the time', (onShare) => {
    const values = sample(createSeries({ shape: 'switch', dwell: HOUR, onShare }, identity), 100 * DAY, 60_000);
    expect(Math.abs(values.filter(Boolean).length / values.length - onShare)).toBeLessThan(0.02);
    expect((100 * 24) / changes(values)).toBeCloseTo(1, 0);
  });
});
