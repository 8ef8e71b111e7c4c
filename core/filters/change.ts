import type { Quality, Reading, Value } from '../reading.ts';
import type { Filter } from './filter.ts';
import type { ChangeFilterConfig } from './schema.ts';

/** The last reading sent: value, time (ms), quality. */
export type ChangeState = [value: Value, ts: number, quality: Quality];

/**
 * Sends the first reading, then a reading whose distance to the last one SENT is strictly greater than
 * `percent`/100 · |last sent| (in float64), or strictly greater than `band`, or whose quality differs,
 * or that comes `maxSilence` ms or more after the last one sent. With neither percent nor band any change counts.
 * Text and booleans: any change counts.
 *
 * @example createChangeFilter({ type: 'change', percent: 5 }).step([100, 0, 'good'], reading) // 105 stays, 105.1 goes
 */
export function createChangeFilter(config: ChangeFilterConfig): Filter<ChangeState> {
  const ratio = config.percent === undefined ? undefined : config.percent / 100;
  const { band, maxSilence } = config;

  const differs = (value: Value, last: Value): boolean => {
    if (typeof value !== 'number' || typeof last !== 'number') return value !== last;
    if (ratio === undefined && band === undefined) return value !== last;
    const distance = Math.abs(value - last);
    return (ratio !== undefined && distance > ratio * Math.abs(last)) || (band !== undefined && distance > band);
  };
  const passes = (reading: Reading, [value, ts, quality]: ChangeState): boolean =>
    differs(reading.value, value) ||
    reading.quality !== quality ||
    (maxSilence !== undefined && reading.ts - ts >= maxSilence);

  return {
    step: (state, reading) =>
      state === undefined || passes(reading, state)
        ? {
            state: [reading.value, reading.ts, reading.quality],
            kept: [reading],
            filtered: 0,
            absorbed: 0,
            held: 0,
          }
        : { state, kept: [], filtered: 1, absorbed: 0, held: 0 },
  };
}
