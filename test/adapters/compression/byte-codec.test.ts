import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openByteCodec } from '../../../adapters/compression/byte-codec.ts';
import { expandLz4Block } from '../../../adapters/compression/lz4-block.ts';
import { zstdContentSize } from '../../../adapters/compression/zstd-header.ts';
import { FORMAT_OF } from '../../../core/byte-codec.ts';
import { COMPRESSIONS } from '../../../core/priority.ts';

const codec = await openByteCodec();
const COMPRESSING = COMPRESSIONS.filter((one) => one !== 'none');
const FORMATS = ['lz4', 'zstd'] as const;

const log = (lines: number): Uint8Array =>
  Buffer.from(
    Array.from({ length: lines }, (_, at) => `2025-01-01 press-${at % 7} cycle ${at} done in 812 ms\n`).join(''),
  );
/** Repetitive in parts, as bytes are that compress. */
const anyBytes = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(30)), { maxLength: 12 })
  .map((parts) => Buffer.concat(parts.flatMap(([part, times]) => Array.from({ length: times }, () => part))));

describe.each(COMPRESSING)('%s', (compression) => {
  const format = FORMAT_OF[compression] as 'lz4' | 'zstd';

  test('gives back any bytes', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const compressed = codec.compress(bytes, compression);
        if (compressed === undefined || bytes.length === 0) return;
        expect(Buffer.from(codec.decompress(compressed, format, bytes.length)!).equals(bytes)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('makes a log much smaller, and blocks know nothing of each other', () => {
    const bytes = log(2_000);
    const first = codec.compress(bytes, compression)!;
    expect(first.length).toBeLessThan(bytes.length / 4);
    codec.compress(log(300).reverse(), compression);
    expect(codec.compress(bytes, compression)).toEqual(first);
  });

  test('another length than it was, shorter or longer, is refused', () => {
    const bytes = log(50);
    const compressed = codec.compress(bytes, compression)!;
    for (const length of [0, 1, bytes.length - 1, bytes.length + 1, bytes.length * 2]) {
      expect(codec.decompress(compressed, format, length)).toBeUndefined();
    }
  });

  test('cut off anywhere is refused', () => {
    const bytes = log(20);
    const compressed = codec.compress(bytes, compression)!;
    for (let length = 0; length < compressed.length; length++) {
      expect(codec.decompress(compressed.subarray(0, length), format, bytes.length)).toBeUndefined();
    }
  });

  test('any bit flipped gives an answer, of the length asked for if any', () => {
    const bytes = log(20);
    const compressed = codec.compress(bytes, compression)!;
    for (let bit = 0; bit < compressed.length * 8; bit++) {
      const bad = compressed.slice();
      bad[bit >>> 3]! ^= 1 << (bit & 7);
      expect([undefined, bytes.length]).toContain(codec.decompress(bad, format, bytes.length)?.length);
    }
    // The module that expands is sound after all that.
    expect(Buffer.from(codec.decompress(compressed, format, bytes.length)!).equals(bytes)).toBe(true);
  });
});

test('bytes that are nothing of the kind are refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(2_000),
      (format, noise, length) => {
        const raw = codec.decompress(noise, format, length);
        if (raw !== undefined) expect(raw).toHaveLength(length);
        const frame = Buffer.concat([Buffer.from('28b52ffd', 'hex'), noise]);
        expect([undefined, length]).toContain(codec.decompress(frame, 'zstd', length)?.length);
      },
    ),
    { numRuns: 2_000 },
  );
});

/** A sound zstd frame of 8 KB that says, and stands for, so many MiB (RFC 8878: blocks of type RLE). */
function runOfZeros(mib: number): Buffer {
  const head = Buffer.from('28b52ffda000000000', 'hex');
  head.writeUInt32LE(mib * 1024 ** 2, 5);
  const blocks = Array.from({ length: mib * 8 }, (_, at) => {
    const block = Buffer.alloc(4);
    block.writeUIntLE((131_072 << 3) | 2 | (at === mib * 8 - 1 ? 1 : 0), 0, 3);
    return block;
  });
  return Buffer.concat([head, ...blocks]);
}

test('a frame made by hand is a frame', () => {
  expect(codec.decompress(runOfZeros(1), 'zstd', 1024 ** 2)).toEqual(new Uint8Array(1024 ** 2));
});

test('a bomb is refused before memory is taken', () => {
  const bomb = runOfZeros(256);
  const before = process.memoryUsage().rss;
  expect(codec.decompress(bomb, 'zstd', 1_000)).toBeUndefined();
  // Two frames: the first one says what is allowed.
  const honest = codec.compress(log(10), 'zstd')!;
  expect(codec.decompress(Buffer.concat([honest, bomb]), 'zstd', log(10).length)).toBeUndefined();
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 ** 2);
  // 128 KiB that ask for 33 MB of zeros, and for a run of 33 million literals.
  const zeros = Buffer.concat([Buffer.from([0x1f, 0, 1, 0]), Buffer.alloc(131_000, 255), Buffer.from([0])]);
  expect(expandLz4Block(zeros, 1_000)).toBeUndefined();
  expect(expandLz4Block(Buffer.alloc(131_000, 255), 1_000)).toBeUndefined();
});

describe('LZ4 blocks', () => {
  // Worked out by hand from the description of the format.
  test.each<[string, string, string]>([
    ['literals only', '30616263', 'abc'],
    ['a match that overlaps what it writes', '12610100' + '1062', 'aaaaaaab'],
    ['long literals', `f001${'78'.repeat(16)}`, 'x'.repeat(16)],
    ['a long match', '1f610100' + '05' + '107a', `${'a'.repeat(25)}z`],
  ])('%s', (_, hex, text) => {
    expect(Buffer.from(expandLz4Block(Buffer.from(hex, 'hex'), text.length)!).toString()).toBe(text);
  });

  test.each<[string, string, number]>([
    ['nothing at all', '', 0],
    ['an offset of nothing', '1061' + '0000' + '1062', 6],
    ['an offset before the start', '1061' + '0200' + '1062', 6],
    ['an end inside an offset', '106101', 6],
    ['an end after a match', '10610100', 5],
    ['literals beyond the end', '3061', 3],
    ['a length without end', 'f0ff', 300],
  ])('%s is refused', (_, hex, length) => {
    expect(expandLz4Block(Buffer.from(hex, 'hex'), length)).toBeUndefined();
  });
});

describe('the content size of a zstd frame', () => {
  test.each([0, 1, 200, 255, 256, 300, 65_791, 65_792, 200_000])('%d bytes', (length) => {
    expect(zstdContentSize(codec.compress(new Uint8Array(length), 'zstd')!)).toBe(length);
  });

  test.each(['', '28b52ffd', '28b52ffe20', '28b52ffd60', '28b52ffd0058', '28b52ffda0010203'])('%s has none', (hex) => {
    expect(zstdContentSize(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});
