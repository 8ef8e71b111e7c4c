import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ChangeState, createChangeFilter } from '../../../core/filters/change.ts';
import { type ChangeFilterConfig, FILTERS } from '../../../core/filters/schema.ts';
import { createFilter } from '../../../core/filters/table.ts';
import { QUALITIES, type Reading } from '../../../core/reading.ts';

type Input = Partial<Reading> & Pick<Reading, 'value'>;
const readingOf = (input: Input, at: number): Reading => ({
  device: 'm-1',
  stream: 's',
  ts: at * 1_000,
  quality: 'good',
  clock: 'synced',
  ...input,
});

/** The readings that get through, each with the place at which it came in. */
function keptPlaces(config: Omit<ChangeFilterConfig, 'type'>, inputs: readonly Input[]): number[] {
  const filter = createChangeFilter({ type: 'change', ...config });
  let state: ChangeState | undefined;
  return inputs.flatMap((input, at) => {
    const reading = readingOf(input, at);
    const step = filter.step(state, reading);
    state = step.state;
    expect(step.kept.length + step.filtered + step.absorbed + step.held).toBe(1);
    expect(step.kept.every((kept) => kept === reading)).toBe(true);
    return step.kept.length > 0 ? [at] : [];
  });
}
const keptValues = (config: Omit<ChangeFilterConfig, 'type'>, values: readonly Reading['value'][]) =>
  keptPlaces(
    config,
    values.map((value) => ({ value })),
  ).map((at) => values[at]);

describe('percent of the last value sent', () => {
  test('the first reading goes, whatever it is', () => {
    expect(keptValues({ percent: 5 }, [100])).toEqual([100]);
    expect(keptValues({ percent: 5 }, [0])).toEqual([0]);
    expect(keptValues({ percent: 1_000 }, [-3])).toEqual([-3]);
  });

  test('exactly 5 % stays, more goes, upwards and downwards', () => {
    expect(keptValues({ percent: 5 }, [100, 105, 95])).toEqual([100]);
    expect(keptValues({ percent: 5 }, [100, 105.00000000000001])).toEqual([100, 105.00000000000001]);
    expect(keptValues({ percent: 5 }, [100, 94.99999999999999])).toEqual([100, 94.99999999999999]);
  });

  test('is counted from the last one sent, not from the last one seen: slow drift gets through', () => {
    expect(keptValues({ percent: 5 }, [100, 102, 104, 106, 108, 110, 112])).toEqual([100, 106, 112]);
  });

  test('after zero any other value goes, and zero itself stays; −0 is zero', () => {
    expect(keptValues({ percent: 5 }, [0, 0, -0, 5e-324, 0])).toEqual([0, 5e-324, 0]);
    expect(keptValues({ percent: 5 }, [10, 0, 0, 0.001, 0])).toEqual([10, 0, 0.001, 0]);
  });

  test('of a negative value its magnitude counts', () => {
    expect(keptValues({ percent: 5 }, [-100, -105, -95, -105.1, -100, -99])).toEqual([-100, -105.1, -99]);
    expect(keptValues({ percent: 5 }, [-1, 1, -1])).toEqual([-1, 1, -1]);
  });

  test('0 % lets every change through, and nothing else', () => {
    expect(keptValues({ percent: 0 }, [1, 1, 1 + Number.EPSILON, 1])).toEqual([1, 1 + Number.EPSILON, 1]);
  });

  test('a distance beyond float64 counts as a change', () => {
    const most = Number.MAX_VALUE;
    expect(keptValues({ percent: 5 }, [most, -most])).toEqual([most, -most]);
  });
});

describe('band', () => {
  test('exactly the band stays, more goes', () => {
    expect(keptValues({ band: 0.5 }, [20, 20.5, 19.5, 20.51, 20.02, 20])).toEqual([20, 20.51, 20]);
    expect(keptValues({ band: 0 }, [0, 0, 1e-9])).toEqual([0, 1e-9]);
  });

  test('with a percentage either is enough', () => {
    // 5 % of 100 is 5: the band of 2 is met first. 5 % of 1 is 0.05: the percentage is.
    expect(keptValues({ percent: 5, band: 2 }, [100, 102, 102.1, 1, 1.04, 1.06])).toEqual([100, 102.1, 1, 1.06]);
  });
});

describe('silence and quality', () => {
  test('the same value goes again after exactly maxSilence, in the time of the readings', () => {
    const inputs = [0, 9_999, 10_000, 10_001, 19_999, 20_000].map((ts) => ({ value: 1, ts }));
    expect(keptPlaces({ percent: 5, maxSilence: 10_000 }, inputs)).toEqual([0, 2, 5]);
  });

  test('silence counts from the last one sent, for whatever reason it was sent', () => {
    const inputs = [
      { value: 1, ts: 0 },
      { value: 2, ts: 8_000 },
      { value: 2, ts: 12_000 },
      { value: 2, ts: 18_000 },
    ];
    expect(keptPlaces({ percent: 5, maxSilence: 10_000 }, inputs)).toEqual([0, 1, 3]);
  });

  test('a time that goes back is no silence', () => {
    const inputs = [100_000, 50_000, 60_000, 110_000].map((ts) => ({ value: 1, ts }));
    expect(keptPlaces({ maxSilence: 10_000 }, inputs)).toEqual([0, 3]);
  });

  test('another quality goes, with the same value too', () => {
    const inputs: Input[] = ['good', 'good', 'bad', 'bad', 'uncertain', 'good'].map((quality) => ({
      value: 7,
      quality: quality as Reading['quality'],
    }));
    expect(keptPlaces({ percent: 5 }, inputs)).toEqual([0, 2, 4, 5]);
  });
});

describe('values that are no numbers', () => {
  test('text and booleans: any change goes, percent and band have no say', () => {
    for (const config of [{}, { percent: 50 }, { band: 10 }]) {
      expect(keptValues(config, ['idle', 'idle', 'run', 'Run', ''])).toEqual(['idle', 'run', 'Run', '']);
      expect(keptValues(config, [false, false, true, true, false])).toEqual([false, true, false]);
    }
  });

  test('null is a value of its own, in both directions; it is not zero', () => {
    const inputs: Input[] = [0, null, null, 0, 0].map((value) => ({ value, quality: 'bad' }));
    expect(keptPlaces({ percent: 5 }, inputs)).toEqual([0, 1, 3]);
    expect(keptPlaces({ band: 100 }, inputs)).toEqual([0, 1, 3]);
  });
});

test('with neither percent nor band any change of a number counts', () => {
  expect(keptValues({}, [1, 1, 1.0000000000000002, 1])).toEqual([1, 1.0000000000000002, 1]);
});

test('the state is what the journal keeps: through JSON and back nothing changes', () => {
  fc.assert(
    fc.property(configs, fc.array(inputs, { maxLength: 40 }), (config, all) => {
      const filter = createFilter({ type: 'change', ...config });
      let kept = filter.step(undefined, readingOf({ value: 0 }, 0)).state;
      let restored = JSON.parse(JSON.stringify(kept));
      for (const [at, input] of all.entries()) {
        const step = filter.step(kept, readingOf(input, at));
        const again = filter.step(restored, readingOf(input, at));
        expect(again.kept).toEqual(step.kept);
        kept = step.state;
        restored = JSON.parse(JSON.stringify(again.state));
      }
    }),
  );
});

test('keeps exactly what the definition says, for any readings', () => {
  fc.assert(
    fc.property(configs, fc.array(inputs, { maxLength: 60 }), (config, all) => {
      expect(keptPlaces(config, all)).toEqual(byDefinition(config, all));
    }),
    { numRuns: 500 },
  );
});

/** The definition once more, written as a person would check it by hand. */
function byDefinition(config: Omit<ChangeFilterConfig, 'type'>, all: readonly Input[]): number[] {
  const places: number[] = [];
  for (const [at, input] of all.entries()) {
    const now = readingOf(input, at);
    const place = places.at(-1);
    if (place === undefined) {
      places.push(at);
      continue;
    }
    const sent = readingOf(all[place]!, place);
    const reasons = [
      now.quality !== sent.quality,
      config.maxSilence !== undefined && now.ts - sent.ts >= config.maxSilence,
    ];
    if (typeof now.value === 'number' && typeof sent.value === 'number') {
      const distance = Math.abs(now.value - sent.value);
      if (config.percent !== undefined) reasons.push(distance > (config.percent / 100) * Math.abs(sent.value));
      if (config.band !== undefined) reasons.push(distance > config.band);
      if (config.percent === undefined && config.band === undefined) reasons.push(distance > 0);
    } else reasons.push(now.value !== sent.value);
    if (reasons.includes(true)) places.push(at);
  }
  return places;
}

const configs = fc.record(
  {
    percent: fc.constantFrom(0, 1, 5, 10, 100),
    band: fc.constantFrom(0, 0.5, 3),
    maxSilence: fc.constantFrom(1_000, 5_000),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const inputs: fc.Arbitrary<Input> = fc.record({
  value: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: -20, max: 20 }) },
    { weight: 2, arbitrary: fc.constantFrom(0, -0, 100, 105, 95, 105.00000000000001) },
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, 'a', 'b'),
  ),
  quality: fc.constantFrom('good' as const, 'good' as const, ...QUALITIES),
});

test('the fleet file refuses a percentage or band below zero', () => {
  expect(FILTERS.safeParse({ type: 'change', percent: -1 }).success).toBe(false);
  expect(FILTERS.safeParse({ type: 'change', band: -0.1 }).success).toBe(false);
  expect(FILTERS.safeParse({ type: 'change', percent: 5 }).success).toBe(true);
});

test('an array or JSON is always sent, and is not kept in the state', () => {
  const values = [[1], [1], { json: '{}' }, { json: '{}' }, 3, 3];
  expect(keptValues({}, values)).toEqual([[1], [1], { json: '{}' }, { json: '{}' }, 3]);
  const filter = createChangeFilter({ type: 'change' });
  expect(filter.step(undefined, readingOf({ value: [1, 2] }, 0)).state).toEqual([null, 0, 'good']);
});
