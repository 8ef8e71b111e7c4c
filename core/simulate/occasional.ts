import type { JsonText } from '../value.ts';
import { gaussian, spellAt, subSeed, uniform, wander } from './noise.ts';
import type { SimulateModel } from './schema.ts';

type Model<Shape extends SimulateModel['shape']> = Extract<SimulateModel, { shape: Shape }>;

const ASPECT = { when: 1, what: 2, number: 3, phase: 4, noise: 5, load: 6 } as const;
const HARMONICS = [1, 0.4, 0.2, 0.1] as const;
/** The load of a machine, and with it what it shakes, changes over a shift. */
const LOAD_PERIOD_MS = 4 * 3_600_000;
const SEVERITIES = 4;

/** A window of samples each `windowEvery`; undefined in between. */
export function createWaveform(
  model: Model<'waveform'>,
  seed: number,
  everyMs: number,
): (timeMs: number) => readonly number[] | undefined {
  const { samples, rate, hertz, amplitude, noise, decimals, windowEvery } = model;
  const [phase, hiss, load] = [subSeed(seed, ASPECT.phase), subSeed(seed, ASPECT.noise), subSeed(seed, ASPECT.load)];
  // Machines do not take their windows all at once.
  const shiftMs = Math.floor(uniform(subSeed(seed, ASPECT.when), 0) * windowEvery);
  const windowOf = (timeMs: number): number => Math.floor((timeMs + shiftMs) / windowEvery);
  const scale = 10 ** decimals;
  return (timeMs) => {
    if (windowOf(timeMs) === windowOf(timeMs - everyMs)) return undefined;
    const strength = amplitude * (1 + 0.3 * wander(load, timeMs, LOAD_PERIOD_MS));
    const window = subSeed(hiss, windowOf(timeMs));
    return Array.from({ length: samples }, (_, index) => {
      let value = noise > 0 ? noise * gaussian(window, index) : 0;
      for (let at = 0; at < HARMONICS.length; at++) {
        const turns = ((at + 1) * hertz * index) / rate + uniform(phase, at);
        value += strength * HARMONICS[at]! * Math.sin(2 * Math.PI * turns);
      }
      // + 0 turns −0 into 0: no instrument shows a negative zero.
      return Math.round(value * scale) / scale + 0;
    });
  };
}

/** A line at random moments, on average each `lineEvery`; undefined in between. */
export function createLog(model: Model<'log'>, seed: number, everyMs: number): (timeMs: number) => string | undefined {
  const next = occasions(seed, model.lineEvery, everyMs);
  const [what, number] = [subSeed(seed, ASPECT.what), subSeed(seed, ASPECT.number)];
  return (timeMs) => {
    const index = next(timeMs);
    if (index === undefined) return undefined;
    const line = model.lines[Math.floor(uniform(what, index) * model.lines.length)]!;
    let drawn = 0;
    return line.replaceAll('{}', () => String(Math.floor(uniform(number, index * 64 + drawn++) * 1_000)));
  };
}

/** An event at random moments, on average each `eventEvery`; undefined in between. */
export function createEvents(
  model: Model<'events'>,
  seed: number,
  everyMs: number,
): (timeMs: number) => JsonText | undefined {
  const next = occasions(seed, model.eventEvery, everyMs);
  const [what, number] = [subSeed(seed, ASPECT.what), subSeed(seed, ASPECT.number)];
  return (timeMs) => {
    const index = next(timeMs);
    if (index === undefined) return undefined;
    const event = model.events[Math.floor(uniform(what, index) * model.events.length)]!;
    const severity = 1 + Math.floor(uniform(number, 2 * index) * SEVERITIES);
    const lastedMs = Math.floor(uniform(number, 2 * index + 1) * 60_000);
    // Keys in the order of canonical JSON.
    return { json: JSON.stringify({ event, lastedMs, severity }) };
  };
}

/** The number of what happened within the last tick, if anything did. */
function occasions(seed: number, meanMs: number, everyMs: number): (timeMs: number) => number | undefined {
  const when = subSeed(seed, ASPECT.when);
  return (timeMs) => {
    const { index } = spellAt(when, timeMs, meanMs);
    return index === spellAt(when, timeMs - everyMs, meanMs).index ? undefined : index;
  };
}
