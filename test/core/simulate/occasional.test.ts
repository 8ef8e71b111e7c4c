import { describe, expect, test } from '@jest/globals';
import type { SimulateModel } from '../../../core/simulate/schema.ts';
import { createSeries, type SimulatedSeries } from '../../../core/simulate/series.ts';
import { checkValue, isJson, type StreamKind } from '../../../core/value.ts';

const START = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const identity = { seed: 1, node: 'n', device: 'd', stream: 's' };

const WAVE: SimulateModel = {
  shape: 'waveform',
  samples: 64,
  rate: 4_096,
  hertz: 64,
  amplitude: 2,
  noise: 0.05,
  decimals: 3,
  windowEvery: 10 * MINUTE,
};
const LOG: SimulateModel = { shape: 'log', lines: ['cycle {} done in {} ms', 'door open'], lineEvery: MINUTE };
const EVENTS: SimulateModel = { shape: 'events', events: ['jam', 'tool-break'], eventEvery: 5 * MINUTE };

const over = (series: SimulatedSeries, hours: number, everyMs: number) =>
  Array.from({ length: Math.floor((hours * HOUR) / everyMs) }, (_, at) => series(START + at * everyMs));
const happened = (values: readonly unknown[]) => values.filter((value) => value !== undefined);

describe.each<[StreamKind, SimulateModel, number]>([
  ['array', WAVE, 6],
  ['log', LOG, 60],
  ['json', EVENTS, 12],
])('%s', (kind, model, perHour) => {
  test('is a function of names, seed and time; others make others', () => {
    const values = over(createSeries(model, identity, 2_000), 3, 2_000);
    expect(over(createSeries({ ...model }, { ...identity }, 2_000), 3, 2_000)).toEqual(values);
    expect(over(createSeries(model, { ...identity, device: 'e' }, 2_000), 3, 2_000)).not.toEqual(values);
  });

  test('happens as often as declared, whatever the tick, and nothing in between', () => {
    for (const everyMs of [2_000, 20_000]) {
      const count = happened(over(createSeries(model, identity, everyMs), 20, everyMs)).length / 20;
      expect(count).toBeGreaterThan(0.8 * perHour);
      expect(count).toBeLessThan(1.2 * perHour);
    }
  });

  test('passes the border of its kind', () => {
    const values = happened(over(createSeries(model, identity, 2_000), 5, 2_000));
    expect(values.length).toBeGreaterThan(10);
    for (const value of values) {
      const raw = isJson(value as never) ? JSON.parse((value as { json: string }).json) : value;
      expect(checkValue(raw, kind)).toEqual({ ok: true, value });
    }
  });
});

test('a window has its fundamental, and it is the strongest', () => {
  const model = { ...WAVE, samples: 1_024 };
  const [window] = happened(over(createSeries(model, identity, MINUTE), 1, MINUTE)) as number[][];
  // The magnitude at a frequency, as a discrete Fourier transform has it: 4 Hz a bin.
  const strengthAt = (hertz: number): number => {
    let [re, im] = [0, 0];
    window!.forEach((sample, at) => {
      re += sample * Math.cos((2 * Math.PI * hertz * at) / 4_096);
      im += sample * Math.sin((2 * Math.PI * hertz * at) / 4_096);
    });
    return (2 * Math.hypot(re, im)) / window!.length;
  };
  expect(window).toHaveLength(1_024);
  expect(strengthAt(64)).toBeGreaterThan(1.3);
  expect(strengthAt(64)).toBeLessThan(2.7);
  expect(strengthAt(128)).toBeGreaterThan(0.4);
  expect(strengthAt(100)).toBeLessThan(0.05);
});

test('numbers of a line are drawn anew', () => {
  const lines = happened(over(createSeries(LOG, identity, 1_000), 10, 1_000)) as string[];
  const cycles = lines.filter((line) => /^cycle \d{1,3} done in \d{1,3} ms$/.test(line));
  expect(new Set(cycles).size).toBeGreaterThan(0.9 * cycles.length);
  expect(lines.filter((line) => line === 'door open').length + cycles.length).toBe(lines.length);
});
