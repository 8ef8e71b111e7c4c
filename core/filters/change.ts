import type { Quality, Reading } from '../reading.ts';
import { isScalar, type Scalar, type Value } from '../value.ts';
import type { Filter } from './filter.ts';
import type { ChangeFilterConfig } from './schema.ts';

/** The last reading sent: value, time (ms), quality. */
export type ChangeState = [value: Scalar, ts: number, quality: Quality];

/**
 * Sends the first reading, then a reading whose distance to the last one SENT is strictly greater than
 * `percent`/100 · |last sent| (in float64), or strictly greater than `band`, or whose quality differs,
 * or that comes `maxSilence` ms or more after the last one sent. With neither percent nor band any change counts.
 * Text and booleans: any change counts. An array or JSON is always sent: to keep it for comparing would cost more than it
 * saves, so `check` refuses this filter there.
 *
 * @example createChangeFilter({ type: 'change', percent: 5 }).step([100, 0, 'good'], reading) // 105 stays, 105.1 goes
 */
export function createChangeFilter(config: ChangeFilterConfig): Filter<ChangeState> {
  const ratio = config.percent === undefined ? undefined : config.percent / 100;
  const { band, maxSilence } = config;

  const differs = (value: Value, last: Scalar): boolean => {
    if (!isScalar(value)) return true;
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
            state: [isScalar(reading.value) ? reading.value : null, reading.ts, reading.quality],
            kept: [reading],
            filtered: 0,
            absorbed: 0,
            held: 0,
          }
        : { state, kept: [], filtered: 1, absorbed: 0, held: 0 },
  };
}
