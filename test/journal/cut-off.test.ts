import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import type { DiskFile } from '../../core/ports.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import { readRecords } from '../../journal/record-codec.ts';
import { commitOf } from '../contracts/journal.ts';

const keys = createMemoryKeyRing([1]);
const MAX = Number.MAX_SAFE_INTEGER;

/** A disk whose records' file can be made to fail when it is synced. */
function faultyDisk() {
  const disk = createMemoryDisk();
  const faults = { syncFails: false };
  const faulty = (name: string, file: DiskFile): DiskFile => ({
    ...file,
    sync() {
      if (faults.syncFails && name.startsWith('records-')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    },
  });
  return {
    faults,
    files: disk.files,
    port: {
      ...disk,
      create: (name: string) => faulty(name, disk.create(name) as DiskFile),
      open: (name: string) => faulty(name, disk.open(name) as DiskFile),
    },
  };
}

let seed = 1n;
const journalOn = ({ port }: ReturnType<typeof faultyDisk>, logger = createMemoryLogger()) =>
  createJournal(
    { disk: port, keys, clock: createManualClock(), random: createSeededRandom(seed++), logger },
    { producer: 'sense', maxBytes: 1024 ** 2, localBytes: 8 * 1024 },
  );

test('a commit that failed stays undone, even if the head that cut it off rots', async () => {
  const disk = faultyDisk();
  const launch = () => journalOn(disk);
  const journal = launch();
  const { epoch } = await journal.open();
  const append = async (value: number): Promise<boolean> => (await journal.append(commitOf(2, [value]))).ok;
  expect(await append(1)).toBe(true);
  disk.faults.syncFails = true;
  expect(await append(2)).toBe(false);
  disk.faults.syncFails = false;
  expect(await append(3)).toBe(true);

  const names = [...disk.files.keys()].filter((name) => name.startsWith('records-')).sort();
  disk.files.get(names.at(-1)!)![60]! ^= 1;
  const again = launch();
  const { enqueued } = await again.open();
  expect(enqueued[2]).toBe(2);
  const found = await again.read({ epoch, lane: 2, from: 0, to: 2, maxRecords: MAX, maxBytes: MAX });
  expect(found.missing).toEqual([]);
  const values = found.parts.flatMap(({ bytes }) => [...readRecords(bytes)].map(({ record }) => record.value));
  expect(values).toEqual([1, 3]);
});

test('what was refused last is gone after a close, if the disk is well again by then', async () => {
  const disk = faultyDisk();
  const journal = journalOn(disk);
  await journal.open();
  expect((await journal.append(commitOf(2, [1], { counted: 1 }))).ok).toBe(true);
  disk.faults.syncFails = true;
  expect((await journal.append(commitOf(2, [2], { counted: 2 }))).ok).toBe(false);
  disk.faults.syncFails = false;
  await journal.close();
  const { enqueued, state } = await journalOn(disk).open();
  expect({ enqueued, state }).toEqual({ enqueued: [0, 0, 1, 0], state: { counted: 1 } });
});

test('a close on a disk that still refuses says that what was refused may be there again', async () => {
  const disk = faultyDisk();
  const logger = createMemoryLogger();
  const journal = journalOn(disk, logger);
  await journal.open();
  disk.faults.syncFails = true;
  expect((await journal.append(commitOf(2, [1]))).ok).toBe(false);
  await journal.close();
  expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('may be there again') });
});
