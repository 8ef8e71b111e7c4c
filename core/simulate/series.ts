import type { Value } from '../value.ts';
import { createAnalogSeries } from './analog.ts';
import { seedOf, spellAt, subSeed, uniform } from './noise.ts';
import { createEvents, createLog, createWaveform } from './occasional.ts';
import type { SimulateModel } from './schema.ts';

/** The value at a time in ms since 1970 (whole); `null` = no value, quality bad; undefined = nothing happened. */
export type SimulatedSeries = (timeMs: number) => Value | undefined;

/** What makes one simulated series different from all others, and the same at every run. */
export interface SeriesIdentity {
  seed: number;
  node: string;
  device: string;
  stream: string;
}

/** The share of the time that a machine is in its usual state, the first of the list. */
const USUAL_SHARE = 0.6;
const ASPECT = { when: 1, what: 2 } as const;

/**
 * One stream of one simulated device, as a pure function of the time: no memory, so a restart continues where the
 * clock is.
 *
 * @param everyMs time between two questions: what happened since the one before is told. @default 1000
 * @example createSeries({ shape: 'switch', dwell: 600_000, onShare: 0.5 }, identity)(Date.UTC(2026, 0, 1)) // true
 */
export function createSeries(model: SimulateModel, identity: SeriesIdentity, everyMs = 1_000): SimulatedSeries {
  const { seed, node, device, stream } = identity;
  const seriesSeed = seedOf(`${seed}/${node}/${device}/${stream}`);
  switch (model.shape) {
    case 'analog':
      return createAnalogSeries(model, seriesSeed);
    case 'states':
      return createStates(model, seriesSeed);
    case 'switch':
      return createSwitch(model, seriesSeed);
    case 'waveform':
      return createWaveform(model, seriesSeed, everyMs);
    case 'log':
      return createLog(model, seriesSeed, everyMs);
    case 'events':
      return createEvents(model, seriesSeed, everyMs);
  }
}

function createStates({ states, dwell }: Extract<SimulateModel, { shape: 'states' }>, seed: number): SimulatedSeries {
  const [usual, ...others] = states as [string, ...string[]];
  const same = USUAL_SHARE ** 2 + (1 - USUAL_SHARE) ** 2 / others.length;
  const choose = drawEvery(seed, dwell, same);
  return (timeMs) => {
    const draw = choose(timeMs);
    if (draw < USUAL_SHARE) return usual;
    return others[Math.floor(((draw - USUAL_SHARE) / (1 - USUAL_SHARE)) * others.length)]!;
  };
}

function createSwitch({ dwell, onShare }: Extract<SimulateModel, { shape: 'switch' }>, seed: number): SimulatedSeries {
  const choose = drawEvery(seed, dwell, onShare ** 2 + (1 - onShare) ** 2);
  return (timeMs) => choose(timeMs) < onShare;
}

/**
 * A new draw so often that what is chosen from it changes once per dwell on average: a draw that chooses the same
 * again, with probability `same`, is no change.
 */
function drawEvery(seed: number, dwellMs: number, same: number): (timeMs: number) => number {
  const everyMs = dwellMs * (1 - same);
  const [when, what] = [subSeed(seed, ASPECT.when), subSeed(seed, ASPECT.what)];
  return (timeMs) => uniform(what, spellAt(when, timeMs, everyMs).index);
}
