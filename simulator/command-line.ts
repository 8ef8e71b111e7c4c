import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { parseDuration } from '../core/duration.ts';
import { FOCUSES, type Focus } from './focus.ts';

export interface SimulateCommand {
  /** Never ends if the run is bounded by time. */
  seeds: Iterable<bigint>;
  maxEvents: number | undefined;
  years: number | undefined;
  /** Wall clock, ms. */
  forMs: number;
  focus: readonly Focus[];
  json: boolean;
  /** Print each line of the trace. */
  trace: boolean;
}

export const USAGE = `npm run simulate -- [options]
  --seed N        one seed
  --seeds A..B    a range of seeds, both ends included. Default: 1..20
  --base HEX      seeds derived from this text, such as a commit's hash
  --for 60s       so long at most, by the wall clock
  --events M      the faults of a seed stop after so many events. Default: 20000
  --years Y       the faults of a seed stop after so many years of virtual time, in which everything happens seldom
  --focus KINDS   faults that are to be frequent, and the far side, such as rot,crash or cloud
  --json          one JSON document at the end
  --trace         print everything that happens`;

/** @throws Error naming the value seen and the values allowed */
export function parseCommandLine(args: readonly string[]): SimulateCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      base: { type: 'string' },
      for: { type: 'string' },
      events: { type: 'string' },
      years: { type: 'string' },
      focus: { type: 'string' },
      json: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
    },
  });
  return {
    seeds: seedsOf(values),
    maxEvents: numberOf('--events', values.events),
    years: numberOf('--years', values.years),
    forMs: values.for === undefined ? Number.POSITIVE_INFINITY : durationOf(values.for),
    focus: values.focus === undefined ? [] : values.focus.split(',').map(focusOf),
    json: values.json,
    trace: values.trace,
  };
}

function seedsOf({ seed, seeds, base }: { seed?: string; seeds?: string; base?: string }): Iterable<bigint> {
  if (seed !== undefined) return [seedOf('--seed', seed)];
  if (base !== undefined) return derivedSeeds(base);
  const [from, to] = (seeds ?? '1..20').split('..');
  return range(seedOf('--seeds', from ?? ''), seedOf('--seeds', to ?? ''));
}

function seedOf(option: string, text: string): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  throw new Error(`${option}: ${JSON.stringify(text)}, allowed are whole numbers from 0, in a range A..B`);
}

function* range(from: bigint, to: bigint): Generator<bigint> {
  for (let seed = from; seed <= to; seed++) yield seed;
}

/** Other seeds for each base, the same for the same one. */
function* derivedSeeds(base: string): Generator<bigint> {
  for (let index = 0; ; index++) {
    yield createHash('sha256').update(`${base}/${index}`).digest().readBigUInt64LE(0);
  }
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${option}: ${JSON.stringify(text)}, allowed are numbers above 0`);
}

function focusOf(text: string): Focus {
  const kind = FOCUSES.find((known) => known === text);
  if (kind) return kind;
  throw new Error(`--focus: ${JSON.stringify(text)}, allowed are ${FOCUSES.join(', ')}`);
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new Error(`--for: ${JSON.stringify(text)}, allowed is a duration such as 60s`);
  return ms;
}
