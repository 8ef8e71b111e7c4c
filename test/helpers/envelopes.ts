import fc from 'fast-check';
import { canonicalJson } from '../../core/canonical-json.ts';
import type { Envelope, EnvelopeHeader, EnvelopeRecord } from '../../core/envelope.ts';
import { liveRanges } from '../../core/envelope.ts';
import type { Lane } from '../../core/priority.ts';
import { countOf, type Range } from '../../core/ranges.ts';
import { CLOCKS, QUALITIES, type Value } from '../../core/reading.ts';
import { MAX_JSON_BYTES, MAX_JSON_DEPTH } from '../../core/value.ts';

export const EPOCH_A = 'aaaaaaaaaaaaaaaa';
export const EPOCH_B = 'bbbbbbbbbbbbbbbb';
export const START_MS = Date.UTC(2025, 0, 1);

/** The record that stands at a position of a lane: the same one each time, so that cuts can be checked. */
export const recordAt = (position: number, over: Partial<EnvelopeRecord> = {}): EnvelopeRecord => ({
  device: `press-00${position % 3}`,
  stream: 'temperature',
  ts: START_MS + position * 1_000,
  value: position / 10,
  quality: 'good',
  clock: 'synced',
  ...over,
});

export interface EnvelopeSketch extends Partial<Omit<EnvelopeHeader, 'hash'>> {
  hash?: string;
  records?: readonly EnvelopeRecord[];
}

/** An envelope of the positions [from, to) whose records are `recordAt` and whose hash tells its range. */
export function envelopeOf(from: number, to: number, sketch: EnvelopeSketch = {}): Envelope {
  const { records, ...over } = sketch;
  const header: EnvelopeHeader = {
    node: 'node-a',
    site: 'hall-1',
    producer: 'edge',
    epoch: EPOCH_A,
    lane: 2,
    from,
    to,
    givenUp: [],
    hash: `${hex32(from)}${hex32(to)}`,
    ...over,
  };
  return { header, records: records ?? positions(liveRanges(header)).map((position) => recordAt(position)) };
}

const hex32 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

export const positions = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));

const decimal = fc
  .tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 0, max: 9 }))
  .map(([integer, scale]) => integer / 10 ** scale);
const number = fc.oneof(
  { weight: 4, arbitrary: decimal },
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    0,
    -0,
    5e-324,
    -2.2e-308,
    1e300,
    1.7976931348623157e308,
    0.1,
    0.30000000000000004,
    2 ** 50,
    1e15 + 0.5,
  ),
);
/** Any object that fits, as the border writes it. */
const json = fc
  .dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 })
  .map((object) => canonicalJson(object, { maxBytes: MAX_JSON_BYTES, maxDepth: MAX_JSON_DEPTH }))
  .filter((written) => written.ok)
  .map((written) => ({ json: written.json }));
/** What repeats, so that compressors have something to do. */
const logLine = fc
  .tuple(fc.constantFrom('cycle done', 'door open', 'läuft'), fc.nat(3), fc.nat(200))
  .map(([what, machine, times]) => `press-${machine} ${what} `.repeat(times));
const samples = fc.array(fc.oneof(decimal, number), { minLength: 1, maxLength: 30 });
export const anyValue: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: number },
  json,
  logLine,
  samples,
  fc.boolean(),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constant(null),
);
const name = fc.oneof(
  fc.constantFrom('press-001', 'press-002', 'kiln'),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const ts = fc.oneof(
  fc.integer({ min: 0, max: 50 }).map((step) => START_MS + step * 1_000),
  fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
);

export const records = (count: number): fc.Arbitrary<EnvelopeRecord[]> =>
  fc.array(
    fc.record(
      {
        device: name,
        stream: name,
        ts,
        value: anyValue,
        quality: fc.constantFrom(...QUALITIES),
        clock: fc.constantFrom(...CLOCKS),
      },
      { noNullPrototype: true },
    ),
    { minLength: count, maxLength: count },
  );

/** Any envelope: alternating live and given-up stretches from any position. */
export const anyEnvelope = (maxRecords = 60): fc.Arbitrary<Envelope> =>
  fc
    .record(
      {
        node: fc.stringMatching(/^[\w.:@-]{1,128}$/),
        producer: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/),
        site: fc.string({ unit: 'grapheme', maxLength: 20 }),
        epoch: hex64,
        hash: hex64,
        lane: fc.constantFrom<Lane[]>(0, 1, 2, 3),
        from: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 2 ** 40 })),
        stretches: fc.array(fc.tuple(fc.nat(3), fc.nat(2 ** 20), fc.nat(Math.floor(maxRecords / 4))), {
          minLength: 1,
          maxLength: 4,
        }),
      },
      { noNullPrototype: true },
    )
    .chain(({ stretches, ...rest }) => {
      const givenUp: Range[] = [];
      let to = rest.from;
      for (const [kind, gap, live] of stretches) {
        const hole = kind === 0 ? gap + 1 : 0;
        if (hole > 0) givenUp.push({ from: to, to: to + hole });
        to += hole + live;
      }
      if (to === rest.from) to++;
      const header: EnvelopeHeader = { ...rest, givenUp, to };
      return records(countOf(liveRanges(header))).map((all) => ({ header, records: all }));
    });

const hex64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((bits) => bits.toString(16).padStart(16, '0'));
