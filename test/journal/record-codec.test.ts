import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CLOCKS, QUALITIES } from '../../core/reading.ts';
import { MAX_ARRAY_SAMPLES, MAX_JSON_BYTES, MAX_LOG_BYTES, type Value } from '../../core/value.ts';
import { createRecordWriter, type JournalRecord, offsetAfter, readRecords } from '../../journal/record-codec.ts';
import { anyValue } from '../helpers/envelopes.ts';

const record = (value: Value): JournalRecord => ({ series: 7, ts: 1.5e12, value, quality: 'good', clock: 'synced' });
const written = (records: readonly JournalRecord[]): Uint8Array => {
  const writer = createRecordWriter();
  for (const one of records) writer.push(one);
  expect(writer.count).toBe(records.length);
  return writer.bytes();
};

const anyRecord: fc.Arbitrary<JournalRecord> = fc.record(
  {
    series: fc.nat(2 ** 32 - 1),
    ts: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    value: anyValue,
    quality: fc.constantFrom(...QUALITIES),
    clock: fc.constantFrom(...CLOCKS),
  },
  { noNullPrototype: true },
);

test('any records come back as they were, each with its place', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 30 }), (records) => {
      const bytes = written(records);
      const found = readRecords(bytes);
      expect(found.map((one) => one.record)).toStrictEqual(records);
      for (const { record: one, offset, length } of found) {
        expect(readRecords(bytes.subarray(offset, offset + length))).toMatchObject([{ record: one }]);
      }
      expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length);
      for (const [index, { offset }] of found.entries()) expect(offsetAfter(bytes, index)).toBe(offset);
      expect(offsetAfter(bytes, records.length)).toBe(bytes.length);
    }),
  );
});

describe('the largest of each kind', () => {
  test.each<[string, Value, number]>([
    ['a log line', 'ä'.repeat(MAX_LOG_BYTES / 2), 15 + MAX_LOG_BYTES],
    ['JSON', { json: `{"a":"${'x'.repeat(MAX_JSON_BYTES - 8)}"}` }, 15 + MAX_JSON_BYTES],
    ['an array', Array.from({ length: MAX_ARRAY_SAMPLES }, (_, at) => Math.sin(at)), 15 + 8 * MAX_ARRAY_SAMPLES],
  ])('%s', (_, value, bytes) => {
    const all = written([record(value), record(1)]);
    expect(readRecords(all).map((one) => one.record.value)).toStrictEqual([value, 1]);
    expect(all.length).toBe(bytes + 21);
  });
});

test('a kind that this release does not know is an error', () => {
  const bytes = written([record(null)]);
  bytes[4]! |= 7;
  expect(() => readRecords(bytes)).toThrow('record of kind 7, known are 0 to 6');
});
