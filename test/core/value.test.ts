import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkReading, type RawReading } from '../../core/reading.ts';
import {
  checkValue,
  jsonOf,
  MAX_ARRAY_SAMPLES,
  MAX_JSON_BYTES,
  MAX_LOG_BYTES,
  MAX_TEXT_BYTES,
  STREAM_KINDS,
  type StreamKind,
  sectionBytesOf,
  type Value,
} from '../../core/value.ts';

const taken = (value: unknown, kind: StreamKind): Value => {
  const checked = checkValue(value, kind);
  if (!checked.ok) throw new Error(checked.detail);
  return checked.value;
};

describe('the border takes', () => {
  test.each<[StreamKind, unknown, Value]>([
    ['number', 21.5, 21.5],
    ['number', 7n, 7],
    ['boolean', false, false],
    ['text', 'x'.repeat(MAX_TEXT_BYTES), 'x'.repeat(MAX_TEXT_BYTES)],
    ['log', 'ä'.repeat(MAX_LOG_BYTES / 2), 'ä'.repeat(MAX_LOG_BYTES / 2)],
    ['log', '', ''],
    ['json', { b: 1, a: { c: [true] } }, { json: '{"a":{"c":[true]},"b":1}' }],
    ['json', {}, { json: '{}' }],
    ['json', { a: 'x'.repeat(MAX_JSON_BYTES - 8) }, { json: `{"a":"${'x'.repeat(MAX_JSON_BYTES - 8)}"}` }],
    ['array', [1, -0, 2n], [1, -0, 2]],
    ['array', new Float64Array([0.5]), [0.5]],
    ['array', new Float32Array([0.5]), [0.5]],
  ])('%s', (kind, value, expected) => expect(taken(value, kind)).toStrictEqual(expected));

  test('an array that is its own: what the source does to its own later does not show', () => {
    const source = [1, 2];
    const value = taken(source, 'array');
    source[0] = 9;
    expect(value).toEqual([1, 2]);
  });
});

describe('the border refuses', () => {
  test.each<[StreamKind, unknown, string, string]>([
    ['text', 'x'.repeat(1_025), 'too-large', 'text of 1025 bytes, allowed 1024'],
    ['log', `${'ä'.repeat(8_192)}x`, 'too-large', 'log line of 16385 bytes, allowed 16384'],
    ['log', '\ud800', 'wrong-kind', 'log line is not well-formed Unicode'],
    ['log', { message: 'x' }, 'wrong-kind', 'expected text'],
    ['json', 'text', 'wrong-kind', 'value "text", expected a JSON object'],
    ['json', [1], 'wrong-kind', 'expected a JSON object'],
    ['json', { a: Number.NaN }, 'not-finite', 'a: value NaN'],
    ['json', { a: 2 ** 60 }, 'not-exact', 'a: integer 1152921504606847000 is beyond 2^53'],
    ['json', { a: 'x'.repeat(MAX_JSON_BYTES) }, 'too-large', 'JSON of more than 16384 bytes'],
    ['json', JSON.parse(`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`), 'too-large', 'more than 16 objects and arrays'],
    ['array', [], 'no-value', 'array of 0 samples, expected at least 1'],
    ['array', new Array(MAX_ARRAY_SAMPLES + 1).fill(0), 'too-large', 'array of 8193 samples, allowed 8192'],
    ['array', [1, '2'], 'not-a-number', 'sample 1: value "2", expected a number'],
    ['array', [1, null], 'not-a-number', 'sample 1: value null'],
    ['array', [Infinity], 'not-finite', 'sample 0: value Infinity'],
    ['array', [2n ** 60n], 'not-exact', 'sample 0: integer'],
    ['array', 1, 'wrong-kind', 'value 1, expected an array of numbers'],
    ['array', { length: 1, 0: 1 }, 'wrong-kind', 'expected an array of numbers'],
    ['number', [1], 'not-a-number', 'expected a number'],
  ])('%s: %p', (kind, value, reason, detail) => {
    expect(checkValue(value, kind)).toEqual({ ok: false, reason, detail: expect.stringContaining(detail) });
  });

  test('anything at all gives a value or a reason, for any kind', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...STREAM_KINDS), fc.boolean(), (value, kind, bad) => {
        const raw: RawReading = { device: 'd', stream: 's', value, quality: bad ? 'bad' : 'good' };
        const checked = checkReading(raw, kind, { nowMs: Date.UTC(2026, 0, 1), clock: 'synced' });
        if (checked.ok) expect(checked.reading.value === null).toBe(value === null || value === undefined);
        else expect(checked.detail.length).toBeLessThan(400);
      }),
      { numRuns: 500 },
    );
  });
});

test('values as JSON, and what they take in a section', () => {
  const cases: [Value, string, number][] = [
    [1.5, '1.5', 0],
    [true, 'true', 0],
    [null, 'null', 0],
    ['ä', '"ä"', 2],
    [{ json: '{"a":"ä"}' }, '{"a":"ä"}', 10],
    [[1, 2.5], '[1,2.5]', 16],
  ];
  for (const [value, json, bytes] of cases) expect([jsonOf(value), sectionBytesOf(value)]).toEqual([json, bytes]);
});
