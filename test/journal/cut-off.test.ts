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

test('a commit that failed stays undone, even if the head that cut it off rots', async () => {
  const disk = faultyDisk();
  let seed = 1n;
  const launch = () =>
    createJournal(
      {
        disk: disk.port,
        keys,
        clock: createManualClock(),
        random: createSeededRandom(seed++),
        logger: createMemoryLogger(),
      },
      { producer: 'sense', maxBytes: 1024 ** 2, localBytes: 8 * 1024 },
    );
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
