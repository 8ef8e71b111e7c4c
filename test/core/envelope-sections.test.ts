import { describe, expect, test } from '@jest/globals';
import type { ByteCodec } from '../../core/byte-codec.ts';
import {
  countWithinBounds,
  cutHeader,
  type Envelope,
  MAX_ENVELOPE_BYTES,
  MAX_ENVELOPE_VALUE_BYTES,
} from '../../core/envelope.ts';
import { decodeEnvelope, encodeEnvelope, fitEnvelope } from '../../core/envelope-codec.ts';
import type { Compression } from '../../core/priority.ts';
import type { Value } from '../../core/value.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { identityLength, sealed } from '../helpers/envelope-damage.ts';
import { envelopeOf, recordAt } from '../helpers/envelopes.ts';

const holding = (values: readonly Value[]): Envelope =>
  envelopeOf(0, values.length, { records: values.map((value) => ({ ...recordAt(0), value })) });
const encode = (envelope: Envelope, compression: Compression): Uint8Array =>
  encodeEnvelope(envelope, { codec: byteCodec, compression });
const decode = (bytes: Uint8Array) => decodeEnvelope(bytes, byteCodec);

const LOG = Array.from({ length: 400 }, (_, at) => `2025-01-01T00:00:${at % 60} press-${at % 7} cycle ${at} done`);
const WAVE = Array.from({ length: 8_192 }, (_, at) => Math.round(1_000 * Math.sin(at / 100)) / 100 + 0);

/** One record whose section is these bytes: everything before it is as an encoder writes it. */
function withSection(value: Value, section: Uint8Array): Buffer {
  const bytes = encodeEnvelope(holding([value]));
  const before = encodeEnvelope(holding([null]));
  // The same but for the traits' one byte and the section; both end in a checksum.
  const head = bytes.subarray(0, before.length - 4);
  return sealed(Buffer.concat([head, section]));
}
const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...varint(value >>> 7)]);

describe('compression', () => {
  test('follows the class asked for, and numbers know nothing of it', () => {
    const sizes = (['none', 'lz4', 'zstd', 'zstd-9'] as const).map((one) => encode(holding(LOG), one).length);
    expect(sizes[0]).toBeGreaterThan(2 * sizes[1]!);
    expect(sizes[1]).toBeGreaterThan(1.5 * sizes[2]!);
    expect(sizes[3]).toBeLessThan(sizes[1]!);
    expect(sizes[3]).not.toBe(sizes[2]);
    const numbers = holding(LOG.map((_, at) => at / 10));
    expect(encode(numbers, 'zstd')).toEqual(encode(numbers, 'none'));
  });

  test('what cannot be made smaller is left as it is', () => {
    const noise = holding([String(Math.PI)]);
    for (const compression of ['lz4', 'zstd'] as const) {
      expect(encode(noise, compression)).toEqual(encode(noise, 'none'));
    }
  });

  test('a window of decimals costs about a byte a sample', () => {
    expect(encode(holding([WAVE]), 'none').length).toBeLessThan(1.1 * WAVE.length);
    expect(encode(holding([WAVE]), 'zstd').length).toBeLessThan(0.8 * WAVE.length);
  });

  test('an encoder whose compressor fails does not lose anything', () => {
    const useless: ByteCodec = { ...byteCodec, compress: (bytes) => Buffer.concat([bytes, bytes]) };
    const envelope = holding(LOG);
    expect(decode(encodeEnvelope(envelope, { codec: useless, compression: 'zstd' }))).toEqual({ ok: true, envelope });
  });
});

describe('bounds', () => {
  const undecodable = (detail: string) => ({
    ok: false,
    reason: 'undecodable',
    detail: expect.stringContaining(detail),
  });

  test('the helper of these tests makes what an encoder makes', () => {
    expect(withSection('ab', Buffer.from([0, 3, 3, 0x61, 0x62]))).toEqual(Buffer.from(encodeEnvelope(holding(['ab']))));
  });

  test.each<[string, Value, number[], string]>([
    ['an unknown format', 'a', [3, 2, 2, 0x61], 'section of format 3, known 2'],
    ['a raw length beyond the limit', 'a', [2, ...varint(2 ** 22), 0], 'bytes of a section'],
    ['another raw length than the frame says', 'a', zstdSection([2, 0x61], 3), 'section is not 3 bytes of zstd'],
    ['bytes left over in a section', 'a', [0, 3, 2, 0x61, 0x61], '1 bytes too many'],
    ['a section cut short', 'a', [0, 5, 2, 0x61], '5 bytes expected, 2 left'],
    ['no text to repeat', 'a', [0, 1, 0], 'no text to repeat'],
    ['text that is not UTF-8', 'a', [0, 2, 2, 0xff], 'not UTF-8'],
    ['JSON with spaces', { json: '{}' }, jsonSection('{ }'), 'no canonical JSON object'],
    ['JSON that is none', { json: '{}' }, jsonSection('{"a":'), 'no canonical JSON object'],
    ['JSON that is no object', { json: '{}' }, jsonSection('[]'), 'no canonical JSON object'],
    ['an array of nothing', [1], [0, 2, 0, 0], 'array without samples'],
    ['an array too long', [1], [0, 3, ...varint(8_193), 0], '8193 samples, allowed 8192'],
    ['an unknown scale', [1], [0, 3, 1, 11, 2], 'scale 11, allowed 0 to 10'],
    ['a sample that is no number', [1], [0, 10, 1, 10, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f], 'value NaN'],
  ])('%s is refused', (_, value, section, detail) => {
    expect(decode(withSection(value, Buffer.from(section)))).toEqual(undecodable(detail));
  });

  test.each<[string, Value[]]>([
    ['runs of zeros', Array.from({ length: 200 }, () => new Array<number>(8_192).fill(0))],
    ['one text repeated', Array.from({ length: 2_000 }, () => 'x'.repeat(10_000))],
    ['one object repeated', Array.from({ length: 2_000 }, () => ({ json: `{"a":"${'x'.repeat(10_000)}"}` }))],
  ])('%s expand to no more than the limit', (_, values) => {
    // An encoder that minds no limit of its own: sections stay small, what they stand for does not.
    const bytes = encode(holding(values), 'zstd');
    expect(bytes.length).toBeLessThan(40_000);
    const before = process.memoryUsage().heapUsed;
    expect(decode(bytes)).toEqual({
      ok: false,
      reason: 'too-large',
      detail: `values of more than ${MAX_ENVELOPE_VALUE_BYTES} bytes`,
    });
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(48 * 1024 ** 2);
  });

  test('countWithinBounds tells how many records go together', () => {
    const values = Array.from({ length: 40 }, () => new Array<number>(8_192).fill(1.5));
    const { records } = holding(values);
    const count = countWithinBounds(records);
    expect(count).toBe(MAX_ENVELOPE_VALUE_BYTES / (8 * 8_192));
    expect(decode(encode(holding(values.slice(0, count)), 'zstd'))).toMatchObject({ ok: true });
    expect(decode(encode(holding(values.slice(0, count + 1)), 'zstd'))).toMatchObject({ reason: 'too-large' });
    expect(countWithinBounds(records.slice(0, 3))).toBe(3);
  });

  test('fitEnvelope fits what is compressed', () => {
    const { header, records } = holding(Array.from({ length: 4_000 }, (_, at) => `${LOG[at % 400]} ${at}`));
    const plain = fitEnvelope(header, records);
    const zipped = fitEnvelope(header, records, { codec: byteCodec, compression: 'zstd' });
    expect(plain.encoded).toBeUndefined();
    expect(zipped.count).toBe(4_000);
    const part = { header: cutHeader(header, plain.count), records: records.slice(0, plain.count) };
    expect(encodeEnvelope(part).length).toBeGreaterThan(0.7 * MAX_ENVELOPE_BYTES);
  });

  test('the largest record of each kind fits into an envelope, whatever the compression', () => {
    const raw = Array.from({ length: 8_192 }, (_, at) => Math.sin(at) * 1e-9);
    for (const value of [raw, 'ä'.repeat(8_192), { json: `{"a":"${'x'.repeat(16_376)}"}` }]) {
      const envelope = holding([value]);
      for (const compression of ['none', 'lz4', 'zstd', 'zstd-9'] as const) {
        expect(decode(encode(envelope, compression))).toEqual({ ok: true, envelope });
      }
    }
  });

  test('any byte of a compressed section changed behind a valid checksum gives a reason or sound records', () => {
    for (const compression of ['lz4', 'zstd'] as const) {
      const good = encode(holding(LOG.slice(0, 40)), compression);
      for (let at = identityLength(good); at < good.length - 4; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          const bad = Buffer.from(good.subarray(0, -4));
          bad[at]! ^= flip;
          const decoded = decode(sealed(bad));
          if (decoded.ok) expect(decode(encodeEnvelope(decoded.envelope))).toEqual(decoded);
        }
      }
    }
  });
});

function zstdSection(raw: number[], claimed: number): number[] {
  const packed = byteCodec.compress(Buffer.from(raw), 'zstd')!;
  return [2, claimed, packed.length, ...packed];
}
function jsonSection(json: string): number[] {
  return [0, json.length + 1, json.length + 1, ...Buffer.from(json)];
}
