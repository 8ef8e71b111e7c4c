import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import type { KeyRing } from '../../core/key-ring.ts';
import { BLOCK_HEADER_BYTES, BLOCK_OVERHEAD, type BlockKind, encodeBlock, scanBlocks } from '../../journal/block.ts';
import { createLogKeys } from '../../journal/key-ring.ts';

const EPOCH = '00112233445566aa';
const keysOf = (ring: KeyRing = createMemoryKeyRing(), log: 'records' | 'forward' = 'records', producer = 'sense') =>
  createLogKeys(ring, producer, log);
const KEYS = keysOf();

const payload = fc.uint8Array({ maxLength: 300 });
const kind = fc.constantFrom<BlockKind>('head', 'commit', 'carried', 'fates');
const blockOf = (segment: number, block: number, bytes: Uint8Array, of: BlockKind = 'commit', epoch = EPOCH) =>
  encodeBlock({ segment, block, epoch, kind: of }, bytes, KEYS.current(epoch));
const segmentOf = (segment: number, payloads: readonly Uint8Array[]): Buffer =>
  Buffer.concat(payloads.map((bytes, block) => blockOf(segment, block, bytes)));
const textsIn = (bytes: Uint8Array, segment: number): string[] =>
  scanBlocks(bytes, segment, KEYS).blocks.map((found) => Buffer.from(found.payload).toString());
const texts = (...all: string[]): Buffer[] => all.map((text) => Buffer.from(text));

describe('blocks', () => {
  test('come back as they were, and show nothing of their payload on disk', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, payload), { minLength: 1, maxLength: 5 }),
        fc.nat(1e6),
        (written, segment) => {
          const bytes = Buffer.concat(written.map(([of, content], block) => blockOf(segment, block, content, of)));
          const { blocks, damaged, end, forged, unknownKeys } = scanBlocks(bytes, segment, KEYS);
          expect(blocks.map((found) => [found.kind, Buffer.from(found.payload)])).toEqual(
            written.map(([of, content]) => [of, Buffer.from(content)]),
          );
          expect({ damaged, end, forged, unknownKeys }).toEqual({
            damaged: [],
            end: bytes.length,
            forged: 0,
            unknownKeys: [],
          });
          for (const [, content] of written)
            if (content.length > 8) expect(bytes.includes(Buffer.from(content))).toBe(false);
        },
      ),
    );
  });

  test('of any length come back, also from memory that was used before', () => {
    const length = fc.oneof(
      fc.nat(100),
      fc.integer({ min: 32_700, max: 32_900 }),
      fc.integer({ min: 65_500, max: 99_999 }),
    );
    fc.assert(
      fc.property(length, (bytes) => {
        const content = Buffer.alloc(bytes, 'all that was measured ');
        const memory = Buffer.alloc(BLOCK_OVERHEAD + bytes, 0xff);
        encodeBlock({ segment: 1, block: 0, epoch: EPOCH, kind: 'commit' }, content, KEYS.current(EPOCH), memory);
        const { blocks } = scanBlocks(memory, 1, KEYS);
        expect(blocks.map((found) => content.equals(found.payload))).toEqual([true]);
        expect(memory.equals(blockOf(1, 0, content))).toBe(true);
      }),
    );
  });

  test('a change at any byte costs the block that it is in, and no other', () => {
    const whole = segmentOf(3, texts('first', 'second', 'third'));
    const [first, second] = [BLOCK_OVERHEAD + 5, BLOCK_OVERHEAD + 6];
    for (let at = first; at < first + second; at++) {
      const bytes = Buffer.from(whole);
      bytes[at] = bytes[at]! ^ 0x40;
      expect(textsIn(bytes, 3)).toEqual(['first', 'third']);
      expect(scanBlocks(bytes, 3, KEYS).damaged).toEqual([{ offset: first, length: second }]);
    }
  });

  test('of an earlier use of the file are none, wherever a new one ends', () => {
    const stale = segmentOf(6, texts('aaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbb', 'cc', 'dddddddddd'));
    const fresh = segmentOf(7, texts('1', '22'));
    for (let torn = 0; torn <= fresh.length; torn++) {
      const bytes = Buffer.from(stale);
      bytes.set(fresh.subarray(0, torn));
      const { blocks, damaged } = scanBlocks(bytes, 7, KEYS);
      const whole = torn === fresh.length ? 2 : torn >= BLOCK_OVERHEAD + 1 ? 1 : 0;
      expect(blocks).toHaveLength(whole);
      expect(damaged).toEqual([]);
    }
  });

  test('of another epoch behind those of this one are none', () => {
    const bytes = Buffer.concat([
      blockOf(7, 0, texts('mine')[0]!),
      blockOf(7, 1, texts('not mine')[0]!, 'commit', 'ff'.repeat(8)),
    ]);
    expect(textsIn(bytes, 7)).toEqual(['mine']);
  });

  test('of a key that is not there are named, not taken for damage', () => {
    const bytes = segmentOf(1, texts('secret'));
    const scanned = scanBlocks(bytes, 1, keysOf(createMemoryKeyRing([2])));
    expect(scanned).toMatchObject({ blocks: [], damaged: [], unknownKeys: [1] });
  });

  test.each([
    ['another log', keysOf(undefined, 'forward')],
    ['another producer', keysOf(undefined, 'records', 'other')],
    ['another node', keysOf({ ...createMemoryKeyRing(), find: () => new Uint8Array(32).fill(7) })],
  ])('cannot be read with the key of %s', (_name, keys) => {
    expect(scanBlocks(segmentOf(1, texts('secret')), 1, keys)).toMatchObject({ blocks: [], forged: 1 });
  });

  test('with a forged header whose checksums hold are not believed', () => {
    for (const [at, value] of [
      [20, 9], // block number
      [24, 1], // epoch
      [36, 3], // kind
      [37, 1], // reserved
    ] as const) {
      const bytes = segmentOf(1, texts('secret'));
      bytes[at] = value;
      bytes.writeUInt32LE(crc32(bytes.subarray(8, BLOCK_HEADER_BYTES)), 4);
      expect(scanBlocks(bytes, 1, KEYS)).toMatchObject({ blocks: [], forged: 1 });
    }
  });

  test('numbers beyond 32 bits are refused: a nonce would repeat', () => {
    expect(() => blockOf(2 ** 32, 0, new Uint8Array(1))).toThrow('out of range');
    expect(() => blockOf(1, 2 ** 32, new Uint8Array(1))).toThrow('out of range');
  });
});
