import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cutHeader,
  type Envelope,
  type EnvelopeRecord,
  MAX_ENVELOPE_BYTES,
  MAX_ENVELOPE_RECORDS,
} from '../../core/envelope.ts';
import { decodeEnvelope, encodeEnvelope, fitEnvelope, peekIdentity } from '../../core/envelope-codec.ts';
import { COMPRESSIONS } from '../../core/priority.ts';
import type { Value } from '../../core/value.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { identityLength, sealed, withVersion } from '../helpers/envelope-damage.ts';
import { anyEnvelope, envelopeOf, recordAt, START_MS } from '../helpers/envelopes.ts';

const decode = (bytes: Uint8Array) => decodeEnvelope(bytes, byteCodec);
const coding = fc.constantFrom(...COMPRESSIONS).map((compression) => ({ codec: byteCodec, compression }));
const many = (count: number, record: (index: number) => EnvelopeRecord): Envelope =>
  envelopeOf(0, count, { records: Array.from({ length: count }, (_, index) => record(index)) });

/** What decoding lets through is an envelope in every respect: it could have been sent. */
const expectSound = (envelope: Envelope): void =>
  expect(decode(encodeEnvelope(envelope))).toStrictEqual({ ok: true, envelope });

describe('round trip', () => {
  test('any envelope comes back exactly, −0 and null included', () => {
    fc.assert(
      fc.property(anyEnvelope(), fc.constantFrom(...COMPRESSIONS), (envelope, compression) => {
        const bytes = encodeEnvelope(envelope, { codec: byteCodec, compression });
        expect(decode(bytes)).toStrictEqual({ ok: true, envelope });
      }),
      { numRuns: 300 },
    );
  });

  test.each<[string, number[]]>([
    ['every float64 border', [0, -0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e300]],
    ['decimals', [21.5, 21.4, 21.37, -0.001, 1e-9, 123456.789]],
    ['integers around the exact limit', [2 ** 50, 2 ** 50 - 1, -(2 ** 50), 2 ** 53 - 1, -(2 ** 53)]],
    ['fifteen digits', [0.123456789012345, 1234567.12345678, 999999999999999]],
  ])('%s', (_, values) => {
    const envelope = many(values.length, (at) => recordAt(at, { value: values[at]! }));
    const decoded = decode(encodeEnvelope(envelope));
    expect(decoded.ok && decoded.envelope.records.map((record) => record.value)).toStrictEqual(values);
  });

  test('an envelope whose positions were all given up', () => {
    const envelope = envelopeOf(5, 9, { givenUp: [{ from: 5, to: 9 }] });
    expect(decode(encodeEnvelope(envelope))).toStrictEqual({ ok: true, envelope });
  });
});

describe('bytes that are no envelope', () => {
  const good = encodeEnvelope(envelopeOf(10, 60, { givenUp: [{ from: 20, to: 25 }] }));

  test('cut off anywhere', () => {
    for (let length = 0; length < good.length; length++) {
      expect(decode(good.subarray(0, length))).toMatchObject({ ok: false, reason: 'undecodable' });
    }
  });

  test('any bit flipped', () => {
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >>> 3]! ^= 1 << (bit & 7);
      expect(decode(bad).ok).toBe(false);
    }
  });

  test('anything at all gives a reason, behind a valid checksum too', () => {
    const tail = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(bytes).ok).toBe(false);
      }),
    );
    // The identity is kept, the body is noise that passes both checksums: only the bounds of each column are left.
    fc.assert(
      fc.property(anyEnvelope(), coding, tail, fc.nat(), (envelope, as, noise, at) => {
        const bytes = encodeEnvelope(envelope, as);
        const from = identityLength(bytes) + (at % Math.max(1, bytes.length - identityLength(bytes) - 4));
        const body = Buffer.concat([bytes.subarray(0, from), noise]);
        const decoded = decode(sealed(body));
        if (!decoded.ok) expect(['undecodable', 'too-large']).toContain(decoded.reason);
        else expectSound(decoded.envelope);
      }),
      { numRuns: 1_000 },
    );
  });

  test('one byte changed behind a valid checksum', () => {
    for (let at = identityLength(good); at < good.length - 4; at++) {
      for (const value of [0, 1, 127, 128, 255]) {
        const bad = Buffer.from(good.subarray(0, good.length - 4));
        bad[at] = value;
        const decoded = decode(sealed(bad));
        if (decoded.ok) expectSound(decoded.envelope);
      }
    }
  });

  test('a range of 2^50 positions allocates nothing', () => {
    const huge = encodeEnvelope(envelopeOf(0, 2 ** 50, { givenUp: [{ from: 3, to: 2 ** 50 }] }));
    // The count of given-up ranges is right after the hash: none of them, and 2^50 records are claimed.
    const at = identityLength(huge) + 'hall-1'.length + 1 + 8;
    const claim = Buffer.from(huge.subarray(0, huge.length - 4));
    claim[at] = 0;
    expect(decode(sealed(claim))).toMatchObject({ ok: false, reason: 'too-large' });
  });

  test('a time beyond what any clock shows', () => {
    const { header, records } = envelopeOf(0, 2, { records: [2 ** 50, 0].map((ts) => recordAt(0, { ts })) });
    const body = Buffer.from(encodeEnvelope({ header, records }).subarray(0, -4));
    // The step back by 2^50 ms becomes the same step ahead: zigzag 2^51 − 1 → 2^51.
    const step = body.indexOf(Buffer.from('ffffffffffffff03', 'hex'));
    body.set(Buffer.from('8080808080808004', 'hex'), step);
    expect(step).toBeGreaterThan(0);
    expect(decode(sealed(body))).toMatchObject({
      ok: false,
      detail: expect.stringContaining('time 225179981'),
    });
  });

  test('too many bytes', () => {
    expect(decode(new Uint8Array(MAX_ENVELOPE_BYTES + 1))).toMatchObject({ ok: false, reason: 'too-large' });
  });
});

describe('versions', () => {
  test('a version to come is refused by name', () => {
    const future = withVersion(encodeEnvelope(envelopeOf(10, 20)), 2);
    expect(decode(future)).toMatchObject({ ok: false, reason: 'unsupported-version' });
    expect(peekIdentity(future)).toEqual({
      version: 2,
      node: 'node-a',
      producer: 'edge',
      epoch: 'aaaaaaaaaaaaaaaa',
      lane: 2,
      from: 10,
      to: 20,
    });
  });

  test('the identity survives damage behind it, and only that', () => {
    const bytes = encodeEnvelope(envelopeOf(10, 20));
    const length = identityLength(bytes);
    expect(peekIdentity(bytes.subarray(0, length))).toMatchObject({ from: 10, to: 20 });
    expect(peekIdentity(bytes.subarray(0, length - 1))).toBeUndefined();
    for (let bit = 0; bit < length * 8; bit++) {
      const bad = bytes.slice();
      bad[bit >>> 3]! ^= 1 << (bit & 7);
      expect(peekIdentity(bad)).toBeUndefined();
    }
  });
});

describe('what encoding refuses', () => {
  const one = (value: Value): Envelope => envelopeOf(0, 1, { records: [recordAt(0, { value })] });
  const cases: [string, () => Envelope, RegExp][] = [
    ['fewer records than positions', () => envelopeOf(0, 3, { records: [recordAt(0)] }), /1 records for 3 positions/],
    ['NaN', () => envelopeOf(0, 1, { records: [recordAt(0, { value: Number.NaN })] }), /value NaN/],
    ['infinity', () => envelopeOf(0, 1, { records: [recordAt(0, { value: -Infinity })] }), /value -Infinity/],
    ['half a millisecond', () => envelopeOf(0, 1, { records: [recordAt(0, { ts: 0.5 })] }), /time 0.5/],
    ['text too long', () => one('x'.repeat(16_385)), /16385.*16384/],
    ['JSON too long', () => one({ json: `{"a":"${'x'.repeat(16_400)}"}` }), /16408.*16384/],
    ['an array of nothing', () => one([]), /0 samples, allowed 1 to 8192/],
    ['an array too long', () => one(new Array(8_193).fill(0)), /8193 samples/],
    ['a sample that is no number', () => one([1, Number.NaN]), /value NaN/],
    [
      'values too large together',
      () => many(200, () => recordAt(0, { value: 'x'.repeat(16_000).replace('x', String(Math.random())) })),
      /section of \d+ bytes, allowed/,
    ],
    ['a node that is no name', () => envelopeOf(0, 1, { node: 'a/b' }), /node "a\/b"/],
    ['an epoch that is none', () => envelopeOf(0, 1, { epoch: 'zz' }), /epoch "zz"/],
    ['a hash that is none', () => envelopeOf(0, 1, { hash: 'zz' }), /hash zz/],
    ['no positions', () => envelopeOf(3, 3), /range 3 to 3/],
    ['given up outside of the range', () => envelopeOf(0, 1, { givenUp: [{ from: 1, to: 2 }] }), /given up 1 to 2/],
    ['too many records', () => envelopeOf(0, MAX_ENVELOPE_RECORDS + 1), /10001 records, allowed 10000/],
    [
      'too many bytes',
      () => many(200, (at) => recordAt(at, { value: `${at}`.repeat(330) })),
      /envelope of \d+ bytes, allowed 131072/,
    ],
  ];
  test.each(cases)('%s', (_, make, message) => {
    expect(() => encodeEnvelope(make())).toThrow(message);
  });
});

describe('size', () => {
  test('a regular cycle costs a few bytes however often it goes round', () => {
    const cycle = (rounds: number) =>
      encodeEnvelope(
        many(rounds * 50, (at) => ({
          ...recordAt(0),
          device: `press-${String(Math.floor((at % 50) / 5)).padStart(3, '0')}`,
          stream: `stream-${at % 5}`,
          ts: START_MS + Math.floor(at / 50) * 5_000,
          value: at % 50,
        })),
      ).length;
    expect(cycle(200) - cycle(4)).toBeLessThan(60);
    expect(cycle(4)).toBeLessThan(400);
  });

  test.each([300, 1_000, 4_500, 20_000])('fitEnvelope(%d bytes) uses the limit and keeps it', (maxBytes) => {
    const { header, records } = many(5_000, (at) => recordAt(at, { value: Math.sin(at) }));
    const { count, encoded } = fitEnvelope(header, records, undefined, maxBytes);
    expect(encoded).toBeUndefined();
    const part = encodeEnvelope({ header: cutHeader(header, count), records: records.slice(0, count) });
    expect(part.length).toBeLessThanOrEqual(maxBytes);
    expect(part.length).toBeGreaterThan(maxBytes * 0.7);
  });

  test('fitEnvelope tries the first record alone before it says that not even that one fits', () => {
    const { header, records } = many(2, (at) => recordAt(at, at === 0 ? {} : { value: 'x'.repeat(5_000) }));
    expect(fitEnvelope(header, records, undefined, 1_000)).toEqual({ count: 1, encoded: undefined });
  });

  test('fitEnvelope hands over the bytes if everything fits, and says so if nothing does', () => {
    const { header, records } = envelopeOf(0, 10);
    expect(fitEnvelope(header, records, undefined, 1_000)).toEqual({
      count: 10,
      encoded: encodeEnvelope({ header, records }),
    });
    expect(fitEnvelope(header, records, undefined, 50)).toEqual({ count: 0, encoded: undefined });
  });

  test('cutting a header covers exactly the first records, in any envelope', () => {
    fc.assert(
      fc.property(anyEnvelope(), fc.nat(), (envelope, seed) => {
        fc.pre(envelope.records.length > 0);
        const count = 1 + (seed % envelope.records.length);
        const header = cutHeader(envelope.header, count);
        const part = { header, records: envelope.records.slice(0, count) };
        expect(decode(encodeEnvelope(part))).toStrictEqual({ ok: true, envelope: part });
        if (count === envelope.records.length) expect(header).toBe(envelope.header);
      }),
    );
  });
});
