import { expect, test } from '@jest/globals';
import { MAX_ENVELOPE_BYTES, MAX_ENVELOPE_DAYS } from '../../../core/envelope.ts';
import { decodeEnvelope } from '../../../core/envelope-codec.ts';
import { MAX_ARRAY_SAMPLES, MAX_LOG_BYTES, type Value } from '../../../core/value.ts';
import { packEnvelope } from '../../../greengrass-components/forward/pack-envelope.ts';
import type { ReadPart } from '../../../journal/journal-port.ts';
import { createRecordWriter } from '../../../journal/record-codec.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import { EPOCH_A, START_MS } from '../../helpers/envelopes.ts';

const DAY_MS = 86_400_000;
const origin = { node: 'node-a', site: 'hall-1', epoch: EPOCH_A, lane: 2 as const, clockOffsetMs: undefined };
const nameOf = () => ({ device: 'archive', stream: 'temperature' });

/** Positions [from, to), one record a day. */
function partOf(from: number, to: number): ReadPart {
  const writer = createRecordWriter();
  for (let at = from; at < to; at++) {
    writer.push({ series: 0, ts: START_MS + at * DAY_MS, value: at, quality: 'good', clock: 'synced' });
  }
  return { from, to, wallMs: START_MS, monotonicMs: 0, ageMs: 0, bytes: writer.bytes() };
}

const pack = (...parts: ReadPart[]) => {
  const packed = packEnvelope({ parts }, origin, nameOf, {
    codec: byteCodec,
    compression: 'zstd',
  }).envelope!;
  const decoded = decodeEnvelope(packed.payload, byteCodec);
  if (!decoded.ok) throw new Error(decoded.detail);
  return { range: packed.range, ...decoded.envelope };
};

test('an old recording of one record a day is cut where the days of an envelope end, across commits', () => {
  const { range, header, records } = pack(partOf(7, 60), partOf(60, 300));
  expect(range).toEqual({ from: 7, to: 7 + MAX_ENVELOPE_DAYS });
  expect(header).toMatchObject(range);
  expect(records.map(({ value }) => value)).toEqual(Array.from({ length: MAX_ENVELOPE_DAYS }, (_, at) => at + 7));
});

test('the same records cut at the same place have the same hash, however many were read', () => {
  expect(pack(partOf(0, 300)).header.hash).toBe(pack(partOf(0, MAX_ENVELOPE_DAYS)).header.hash);
});

test('as many days as an envelope may have are one envelope', () => {
  expect(pack(partOf(0, MAX_ENVELOPE_DAYS)).range).toEqual({ from: 0, to: MAX_ENVELOPE_DAYS });
});

/** Positions from 0 on, one record for each value. */
function partHolding(values: readonly Value[]): ReadPart {
  const writer = createRecordWriter();
  for (const [at, value] of values.entries()) {
    writer.push({ series: 0, ts: START_MS + at, value, quality: 'good', clock: 'synced' });
  }
  return { ...partOf(0, 0), to: values.length, bytes: writer.bytes() };
}

test('windows that are too much for one envelope, compressed or expanded, go in several; nothing is left out', () => {
  const smooth = Array.from({ length: 20 }, () => new Array<number>(8_192).fill(1.5));
  const rough = Array.from({ length: 5 }, (_, at) => Array.from({ length: 8_192 }, (_, to) => Math.sin(at * to + to)));
  for (const [values, most] of [
    [smooth, 16],
    [rough, 2],
  ] as const) {
    const all = partHolding(values);
    const { range, records } = pack(all);
    expect(range.to).toBeLessThanOrEqual(most);
    expect(range.to).toBeGreaterThan(0);
    expect(records.map(({ value }) => value)).toEqual(values.slice(0, range.to));
  }
});

test('values of every kind arrive as they were read', () => {
  const values: Value[] = [1.5, true, 'idle', { json: '{"a":1}' }, [0.1, -0, 3], null, 'x'.repeat(16_384)];
  expect(pack(partHolding(values)).records.map(({ value }) => value)).toStrictEqual(values);
});

test('a record whose series has lost its name is named, and the rest travels without it', () => {
  const writer = createRecordWriter();
  for (const [at, series] of [5, 0, 0, 5, 0].entries()) {
    writer.push({ series, ts: START_MS + at, value: at, quality: 'good', clock: 'synced' });
  }
  const part = { ...partOf(0, 0), from: 10, to: 15, bytes: writer.bytes() };
  const knows = (series: number) => (series === 0 ? nameOf() : undefined);
  const coding = { codec: byteCodec, compression: 'zstd' as const };
  const { envelope, unnamed } = packEnvelope({ parts: [part, { ...part, from: 15, to: 20 }] }, origin, knows, coding);
  expect(unnamed).toEqual([
    { from: 10, to: 11 },
    { from: 13, to: 14 },
    { from: 15, to: 16 },
    { from: 18, to: 19 },
  ]);
  expect(envelope!.range).toEqual({ from: 11, to: 13 });
  const decoded = decodeEnvelope(envelope!.payload, byteCodec);
  expect(decoded.ok && decoded.envelope.records.map(({ value }) => value)).toEqual([1, 2]);
});

test.each<[string, Value, number]>([
  ['more samples than an array may have', new Array<number>(MAX_ARRAY_SAMPLES + 1).fill(1), MAX_ENVELOPE_BYTES],
  ['a longer text than a log line may be', 'x'.repeat(MAX_LOG_BYTES + 1), MAX_ENVELOPE_BYTES],
  ['what needs more than an envelope once it is written', Array.from({ length: 900 }, Math.random), 5_000],
])('a record with %s is named, and the rest travels without it', (_, value, maxBytes) => {
  const coding = { codec: byteCodec, compression: 'zstd' as const };
  const packing = (from: number, values: readonly Value[]) => {
    const part = { ...partHolding(values), from, to: from + values.length };
    return packEnvelope({ parts: [part] }, origin, nameOf, coding, maxBytes);
  };
  const names = (at: number) => [{ from: at, to: at + 1 }];
  expect(packing(12, [value, 3])).toMatchObject({ envelope: { range: { from: 13, to: 14 } }, tooLarge: names(12) });
  expect(packing(12, [value])).toEqual({ envelope: undefined, unnamed: [], tooLarge: names(12) });
  // What is before it travels first; it is come to then, or was seen already.
  const { envelope, tooLarge } = packing(10, [1, 2, value, 3]);
  expect(envelope!.range).toEqual({ from: 10, to: 12 });
  expect(tooLarge).toEqual(maxBytes === MAX_ENVELOPE_BYTES ? names(12) : []);
});
