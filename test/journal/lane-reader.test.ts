import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { BLOCK_HEADER_BYTES, findBlocks } from '../../journal/block.ts';
import { createJournal } from '../../journal/journal.ts';
import type { ReadResult } from '../../journal/journal-port.ts';
import { readRecords } from '../../journal/record-codec.ts';
import { segmentFile } from '../../journal/segment-files.ts';
import { commitOf } from '../contracts/journal.ts';

/** A journal on a disk that counts how often it is read. */
async function openCounted() {
  const disk = createMemoryDisk();
  const reads: number[] = [];
  const counting = {
    ...disk,
    read: (name: string, offset: number, length: number) => {
      reads.push(length);
      return disk.read(name, offset, length);
    },
  };
  const journal = createJournal(
    {
      disk: counting,
      clock: createManualClock(),
      random: createSeededRandom(1n),
      logger: createMemoryLogger(),
      keys: createMemoryKeyRing(),
    },
    { producer: 'sense', maxBytes: 64 * 1024 ** 2, localBytes: 1024 ** 2 },
  );
  const { epoch } = await journal.open();
  reads.length = 0;
  const read = (from: number, to: number, bounds: { maxRecords?: number; maxBytes?: number } = {}) =>
    journal.read({ epoch, lane: 2, from, to, maxRecords: 2_000, maxBytes: 1e6, ...bounds });
  return { disk, journal, reads, read };
}

const valuesOf = ({ parts }: ReadResult): unknown[] =>
  parts.flatMap(({ bytes }) => readRecords(bytes).map(({ record }) => record.value));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, value) => value);

test('small blocks that lie side by side cost one read of the disk, not one each', async () => {
  const { journal, reads, read } = await openCounted();
  for (const value of upTo(500)) await journal.append(commitOf(2, [value]));
  expect(valuesOf(await read(0, 500))).toEqual(upTo(500));
  expect(reads).toHaveLength(1);
  const other = await read(100, 200);
  expect(valuesOf(other)).toEqual(upTo(200).slice(100));
  expect(reads).toHaveLength(1);
});

test('a large block that is read in pieces is read from the disk once', async () => {
  const { journal, reads, read } = await openCounted();
  await journal.append(commitOf(2, upTo(20_000)));
  const values: unknown[] = [];
  for (let from = 0; from < 20_000; ) {
    const found = await read(from, 20_000);
    expect(found.to - from).toBeLessThanOrEqual(2_000);
    values.push(...valuesOf(found));
    from = found.to;
  }
  expect(values).toEqual(upTo(20_000));
  expect(reads).toHaveLength(1);
});

test('what is read of blocks far apart does not take what lies between', async () => {
  const { journal, reads, read } = await openCounted();
  const bytes = Buffer.alloc(1024 ** 2);
  await journal.append(commitOf(2, [0]));
  await journal.append({ ...commitOf(2, [0]), lanes: [{ lane: 3, count: 1, bytes }] });
  await journal.append(commitOf(2, [1]));
  expect(valuesOf(await read(0, 2))).toEqual([0, 1]);
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(1_000);
});

test('a block that rots among its neighbours costs its own records only', async () => {
  const { disk, journal, read } = await openCounted();
  for (const value of upTo(50)) await journal.append(commitOf(2, [value]));
  const file = disk.files.get(segmentFile('records', 1))!;
  const [, ...blocks] = findBlocks(file, 1);
  for (const rotten of [0, 20, 21, 49]) {
    const spot = blocks[rotten]!.offset + BLOCK_HEADER_BYTES;
    file[spot] = file[spot]! ^ 1;
  }
  const found = await read(0, 50);
  expect(valuesOf(found)).toEqual(upTo(50).filter((value) => ![0, 20, 21, 49].includes(value)));
  expect(found.missing).toEqual([
    { from: 0, to: 1 },
    { from: 20, to: 22 },
    { from: 49, to: 50 },
  ]);
});

test('law: whatever the commits and the reads, what comes back is what was written, in one piece of memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ count: fc.integer({ min: 1, max: 40 }), other: fc.boolean() }), {
        minLength: 1,
        maxLength: 30,
      }),
      fc.array(
        fc.record({
          from: fc.nat(600),
          length: fc.integer({ min: 1, max: 300 }),
          most: fc.integer({ min: 1, max: 200 }),
        }),
        { maxLength: 8 },
      ),
      async (commits, requests) => {
        const { journal, read } = await openCounted();
        let end = 0;
        for (const { count, other } of commits) {
          await journal.append(
            commitOf(
              2,
              upTo(count).map((value) => end + value),
            ),
          );
          end += count;
          if (other) await journal.append(commitOf(3, [1, 2, 3]));
        }
        for (const { from, length, most } of requests) {
          if (from >= end) continue;
          const to = Math.min(end, from + length);
          const found = await read(from, to, { maxRecords: most });
          expect(found.to).toBe(Math.min(to, from + most));
          expect(found.missing).toEqual([]);
          expect(valuesOf(found)).toEqual(upTo(found.to).slice(from));
          const bytes = found.parts.reduce((sum, part) => sum + part.bytes.length, 0);
          for (const part of found.parts) expect(part.bytes.buffer.byteLength).toBe(bytes);
        }
      },
    ),
    { numRuns: 60 },
  );
});
