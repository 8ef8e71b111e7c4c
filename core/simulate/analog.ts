import { gaussian, spellAt, subSeed, uniform, wander } from './noise.ts';
import type { SimulateModel } from './schema.ts';

type AnalogModel = Extract<SimulateModel, { shape: 'analog' }>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Outdoors and in halls alike, the warmest and busiest hour is about 15:00. */
const DAILY_PEAK_MS = 15 * HOUR_MS;
const DRIFT_PERIOD_MS = 2 * DAY_MS;
/** A new operating point is approached like a first-order lag, within this time constant at most. */
const MAX_LAG_MS = 60_000;

/** Each aspect of a series has its own randomness. */
const ASPECT = { offset: 1, phase: 2, drift: 3, noise: 4, step: 5, level: 6, fault: 7, faultKind: 8 } as const;

/** Value at a time in ms since 1970, `null` while the sensor has dropped out. */
export function createAnalogSeries(model: AnalogModel, seed: number): (timeMs: number) => number | null {
  const seeds = Object.fromEntries(
    Object.entries(ASPECT).map(([name, aspect]) => [name, subSeed(seed, aspect)]),
  ) as Record<keyof typeof ASPECT, number>;
  // No two machines of a kind are alike.
  const centre = model.base + 0.3 * (model.daily + model.drift + model.noise) * gaussian(seeds.offset, 0);
  const peakMs = DAILY_PEAK_MS + (uniform(seeds.phase, 0) - 0.5) * 2 * HOUR_MS;
  const lagMs = Math.min(MAX_LAG_MS, model.stepEvery / 20);
  const spike = Math.max(model.noise, model.step / 2, Math.abs(model.base) / 20);
  const scale = 10 ** model.decimals;
  const { faultEvery } = model;

  const levelOf = (spell: number): number => {
    const draw = uniform(seeds.level, spell);
    return draw < 0.5 ? 0 : draw < 0.75 ? model.step : -model.step;
  };
  const operatingPoint = (timeMs: number): number => {
    if (model.step === 0) return 0;
    const { index, startMs } = spellAt(seeds.step, timeMs, model.stepEvery);
    const goal = levelOf(index);
    return goal + (levelOf(index - 1) - goal) * Math.exp(-(timeMs - startMs) / lagMs);
  };
  const healthy = (timeMs: number): number => {
    let value = centre + operatingPoint(timeMs);
    if (model.daily > 0) value += model.daily * Math.cos((2 * Math.PI * (timeMs - peakMs)) / DAY_MS);
    if (model.drift > 0) value += model.drift * wander(seeds.drift, timeMs, DRIFT_PERIOD_MS);
    if (model.noise > 0) value += model.noise * gaussian(seeds.noise, timeMs);
    return value;
  };
  const measured = (timeMs: number): number | null => {
    if (faultEvery === undefined) return healthy(timeMs);
    const fault = faultAt(seeds.fault, seeds.faultKind, timeMs, faultEvery);
    switch (fault?.kind) {
      case undefined:
        return healthy(timeMs);
      case 'spike':
        return healthy(timeMs) + fault.strength * spike;
      case 'stuck':
        return healthy(fault.startMs);
      case 'drop-out':
        return null;
    }
  };
  return (timeMs) => {
    const value = measured(timeMs);
    if (value === null) return null;
    // + 0 turns −0 into 0: no instrument shows a negative zero.
    return Math.round(Math.max(value, model.minimum ?? Number.NEGATIVE_INFINITY) * scale) / scale + 0;
  };
}

interface Fault {
  kind: 'spike' | 'stuck' | 'drop-out';
  startMs: number;
  /** Of a spike: 6 to 12 times the usual size, up or down. */
  strength: number;
}

/** The fault that lasts at this time, if any: one per `everyMs` on average, for 0.2 % (spikes) to 5 % of that time. */
function faultAt(seed: number, kindSeed: number, timeMs: number, everyMs: number): Fault | undefined {
  const { index, startMs } = spellAt(seed, timeMs, everyMs);
  const kindDraw = uniform(kindSeed, 3 * index);
  const lengthDraw = uniform(kindSeed, 3 * index + 1);
  const kind = kindDraw < 0.4 ? 'spike' : kindDraw < 0.7 ? 'stuck' : 'drop-out';
  const share = kind === 'spike' ? 0.002 : 0.005 + 0.045 * lengthDraw;
  // The start is whole, so that the noise of that moment is the same however it is asked for.
  const start = Math.floor(startMs);
  if (timeMs - start > share * everyMs) return undefined;
  const draw = uniform(kindSeed, 3 * index + 2);
  return { kind, startMs: start, strength: (draw < 0.5 ? -1 : 1) * (6 + 12 * Math.abs(draw - 0.5)) };
}
