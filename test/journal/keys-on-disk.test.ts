import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import type { KeyRing } from '../../core/key-ring.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { findBlocks } from '../../journal/block.ts';
import { createJournal } from '../../journal/journal.ts';
import { retireKeys } from '../../journal/keys-on-disk.ts';
import { commitOf, readAll } from '../contracts/journal.ts';

const NO_KEYS = new Set<number>();
let seed = 1n;
const journalOn = (disk: MemoryDisk, keys: KeyRing, producer = 'sense', logger = createMemoryLogger()) =>
  createJournal(
    { disk, keys, clock: createManualClock(), random: createSeededRandom(seed++), logger },
    { producer, maxBytes: 1024 ** 2, localBytes: 1024 },
  );
const contentOf = ({ files }: MemoryDisk) => [...files].map(([name, bytes]) => [name, bytes.toString('base64')]).sort();

async function writtenDisk(keys: KeyRing): Promise<{ disk: MemoryDisk; epoch: string }> {
  const disk = createMemoryDisk();
  const journal = journalOn(disk, keys);
  const { epoch } = await journal.open();
  await journal.append(commitOf(2, [1, 2, 3]));
  await journal.close();
  return { disk, epoch };
}

describe('a directory that the keys do not fit', () => {
  const sameIdOtherKey = (): KeyRing => ({
    ...createMemoryKeyRing(),
    current: () => ({ id: 1, key: new Uint8Array(32).fill(9), sinceMs: 0 }),
    find: (id) => (id === 1 ? new Uint8Array(32).fill(9) : undefined),
  });

  test.each([
    [
      'keys with other ids',
      () => createMemoryKeyRing([7]),
      'sense',
      /needs key 1 .*memory \(keys 7\).*put back the keys/,
    ],
    ['another key with the same id', sameIdOtherKey, 'sense', /was written with another key 1/],
    ['another producer', () => createMemoryKeyRing(), 'other', /by another producer than other/],
  ])('is refused with %s, and nothing in it is touched', async (_name, ring, producer, message) => {
    const { disk, epoch } = await writtenDisk(createMemoryKeyRing());
    const before = contentOf(disk);
    await expect(journalOn(disk, ring(), producer).open()).rejects.toThrow(message);
    expect(contentOf(disk)).toEqual(before);
    const again = journalOn(disk, createMemoryKeyRing());
    await again.open();
    expect((await readAll(again, epoch, 2, 3)).values).toEqual([1, 2, 3]);
  });
});

test('a key is retired once no segment of either log needs it, not before', async () => {
  const keys = createMemoryKeyRing();
  const { disk, epoch } = await writtenDisk(keys);
  keys.rotate();
  const journal = journalOn(disk, keys);
  await journal.open();
  await retireKeys(disk, keys, NO_KEYS);
  expect(keys.find(1)).toBeDefined();
  expect((await readAll(journal, epoch, 2, 3)).values).toEqual([1, 2, 3]);
  await journal.settle([{ epoch, lane: 2, from: 0, to: 3, fate: 'delivered' }]);
  for (let opening = 0; opening < 3; opening++) {
    await journal.close();
    await journal.open();
  }
  await retireKeys(disk, keys, NO_KEYS);
  expect(keys.find(1)).toBeUndefined();
  await journal.close();
  await expect(journal.open()).resolves.toBeDefined();
});

describe('a segment file of which no head knows', () => {
  test.each([
    ['an empty file', (): Buffer => Buffer.alloc(0)],
    ['zeros', () => Buffer.alloc(5_000)],
    ['what an earlier use left', (old: Buffer) => old],
    ['a torn head', (_old: Buffer, own: Buffer) => own.subarray(0, 60)],
  ])('with %s is removed', async (_name, make) => {
    const { disk, orphan } = await withOrphan(make);
    expect([...disk.files.keys()].filter((name) => name.includes(orphan))).toEqual([]);
  });

  test.each([
    ['bytes of another format', (): Buffer => Buffer.from('PAR1 or whatever it may be')],
    ['a later format', (_old: Buffer, own: Buffer) => Buffer.concat([Buffer.from('HWB3'), own.subarray(4)])],
    ['commits of its own number', (_old: Buffer, own: Buffer) => Buffer.concat([Buffer.alloc(10), own.subarray(10)])],
  ])('with %s is kept aside, counted and told of', async (_name, make) => {
    const { disk, orphan, logger, content } = await withOrphan(make);
    expect(disk.files.get(`aside-${orphan}`)).toEqual(content);
    expect(logger.lines.map(({ message }) => message)).toContain('journal: what could not be read is kept aside');
  });

  /** A journal opened beside a file records-0000000001.hwj that no head mentions. */
  async function withOrphan(make: (stale: Buffer, own: Buffer) => Buffer) {
    const keys = createMemoryKeyRing();
    const { disk: other } = await writtenDisk(keys);
    const own = other.files.get('records-0000000001.hwj')!;
    const { disk } = await writtenDisk(keys);
    // Segment 1 becomes 2 on: number 3 is free for the orphan.
    const again = journalOn(disk, keys);
    await again.open();
    await again.close();
    const orphan = 'records-0000000003.hwj';
    const renumbered = renumber(own, 3);
    const content = make(own, renumbered);
    disk.files.set(orphan, Buffer.from(content));
    const logger = createMemoryLogger();
    await journalOn(disk, keys, 'sense', logger).open();
    return { disk, orphan, logger, content };
  }
});

/** The same blocks as if they had been written to another segment, but for their seals. */
function renumber(bytes: Buffer, segment: number): Buffer {
  const copy = Buffer.from(bytes);
  for (const { offset } of findBlocks(bytes, 1)) {
    copy.writeUInt32LE(segment, offset + 16);
    copy.writeUInt32LE(crc32(copy.subarray(offset + 8, offset + 40)), offset + 4);
  }
  return copy;
}

test('a key that a whole file kept aside needs stays', async () => {
  const keys = createMemoryKeyRing();
  const { disk } = await writtenDisk(keys);
  const foreign = Buffer.from(disk.files.get('records-0000000001.hwj')!);
  keys.rotate();
  for (const name of [...disk.files.keys()]) disk.files.delete(name);
  disk.files.set('aside-records-0000000001.hwj', foreign);
  const journal = journalOn(disk, keys);
  await journal.open();
  keys.rotate();
  await journal.rotateKeys();
  expect(keys.find(1)).toBeDefined();
});

test('a key is kept for a segment whose removal a power cut may still undo', async () => {
  const keys = createMemoryKeyRing();
  const { disk } = await writtenDisk(keys);
  const before = new Map(disk.files);
  keys.rotate();
  for (const name of before.keys()) disk.files.delete(name);
  // What was removed is gone for good only once the directory is synced.
  const unsyncable: MemoryDisk = {
    ...disk,
    syncDirectory: () => {
      throw new Error('EIO');
    },
  };
  await expect(retireKeys(unsyncable, keys, NO_KEYS)).rejects.toThrow('EIO');
  for (const [name, bytes] of before) disk.files.set(name, bytes);
  await journalOn(disk, keys).open();
  expect(keys.find(1)).toBeDefined();
});
