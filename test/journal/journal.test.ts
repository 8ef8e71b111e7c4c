import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import type { DiskFile } from '../../core/ports.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { BLOCK_HEADER_BYTES, findBlocks } from '../../journal/block.ts';
import { createJournal } from '../../journal/journal.ts';
import { segmentFile } from '../../journal/segment-files.ts';
import { commitOf, journalContract, readAll } from '../contracts/journal.ts';

let seed = 1n;
const journalOn = (disk: MemoryDisk, config: { maxBytes?: number; localBytes?: number; ballastBytes?: number } = {}) =>
  createJournal(
    {
      disk,
      clock: createManualClock(),
      random: createSeededRandom(seed++),
      logger: createMemoryLogger(),
      keys: createMemoryKeyRing(),
    },
    { maxBytes: 64 * 1024 ** 2, localBytes: 8 * 1024 ** 2, ...config },
  );

/** One bit of a block's payload. */
function damage(disk: MemoryDisk, segment: number, block: number): void {
  const file = disk.files.get(segmentFile('records', segment))!;
  const spot = findBlocks(file, segment)[block]!.offset + BLOCK_HEADER_BYTES;
  file[spot] = file[spot]! ^ 1;
}

journalContract('in memory', async () => {
  const disk = createMemoryDisk();
  return { start: (config) => journalOn(disk, config), dispose: async () => undefined };
});

test('a damaged block costs its records only, and they are named', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  for (let value = 0; value < 10; value++) await journal.append(commitOf(2, [value * 2, value * 2 + 1], { value }));
  await journal.close();
  damage(disk, 1, 5);
  const again = journalOn(disk);
  const opening = await again.open();
  expect(opening.damages).toBe(1);
  expect(opening.enqueued).toEqual([0, 0, 20, 0]);
  expect(opening.state).toEqual({ value: 9 });
  const { values, missing } = await readAll(again, epoch, 2, 20);
  expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  expect(missing).toEqual([{ from: 8, to: 10 }]);
});

test('a damaged block that alone held the records of a lane: they are missed, not forgotten', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(2, [1, 2], { value: 'lost' }));
  await journal.append(commitOf(2, [], { value: 'kept' }));
  await journal.close();
  damage(disk, 1, 1);
  for (let opening = 1; opening <= 4; opening++) {
    const again = journalOn(disk);
    const { epochs, enqueued } = await again.open();
    expect(enqueued).toEqual([0, 0, 2, 0]);
    expect(epochs.find((old) => old.epoch === epoch)?.lanes[2]?.end).toBe(2);
    expect(await readAll(again, epoch, 2, 2)).toEqual({ values: [], missing: [{ from: 0, to: 2 }] });
    await again.close();
  }
});

test('a node that starts again and again during an outage does not fill its disk with empty segments', async () => {
  const disk = createMemoryDisk();
  const first = journalOn(disk);
  await first.open();
  await first.append(commitOf(2, [1]));
  await first.close();
  for (let start = 0; start < 20; start++) {
    const again = journalOn(disk);
    await again.open();
    await again.close();
  }
  expect([...disk.files.keys()].filter((name) => name.startsWith('records-')).length).toBeLessThanOrEqual(4);
});

test('a damaged head costs nothing: the segment before it says the same', async () => {
  const disk = createMemoryDisk();
  const first = journalOn(disk);
  const { epoch } = await first.open();
  await first.append(commitOf(2, [1, 2], { counter: 2 }));
  await first.close();
  const second = journalOn(disk);
  const { epoch: later } = await second.open();
  await second.append(commitOf(2, [3], { other: true }));
  await second.close();
  damage(disk, 2, 0);
  const third = journalOn(disk);
  const opening = await third.open();
  expect(opening.state).toEqual({ counter: 2, other: true });
  expect(opening.enqueued).toEqual([0, 0, 3, 0]);
  expect((await readAll(third, epoch, 2, 2)).values).toEqual([1, 2]);
  expect((await readAll(third, later, 2, 1)).values).toEqual([3]);
});

test('a torn tail loses nothing that was acknowledged, at every length of the tear', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(2, [1, 2], { counter: 2 }));
  const name = 'records-0000000001.hwj';
  const acknowledged = endOfBlocks(disk.files.get(name)!);
  await journal.append(commitOf(2, [3, 4], { counter: 4 }));
  const whole = Buffer.from(disk.files.get(name)!);
  for (let length = acknowledged; length < endOfBlocks(whole); length++) {
    const torn = createMemoryDisk(new Map([...disk.files].map(([key, bytes]) => [key, Buffer.from(bytes)])));
    torn.files.set(name, Buffer.from(whole.subarray(0, length)));
    const again = journalOn(torn);
    const opening = await again.open();
    expect(opening.state).toEqual({ counter: 2 });
    expect(opening.enqueued).toEqual([0, 0, 2, 0]);
    expect((await readAll(again, epoch, 2, 2)).values).toEqual([1, 2]);
  }
});

test('a failed sync leaves nothing behind: its bytes may be on disk, its commit never was', async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const faulty: MemoryDisk = {
    ...disk,
    create(name) {
      const file = disk.create(name) as ReturnType<MemoryDisk['create']> & { sync(): void };
      return {
        ...file,
        sync() {
          if (failing && name.startsWith('records')) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
        },
      } as never;
    },
  };
  const journal = journalOn(faulty);
  const { epoch } = await journal.open();
  await journal.append(commitOf(2, [1], { counter: 1 }));
  failing = true;
  expect(await journal.append(commitOf(2, [2], { counter: 2 }))).toMatchObject({ ok: false, reason: 'journal-failed' });
  expect((await journal.status()).trouble).toBe('I/O error');
  failing = false;
  expect(await journal.append(commitOf(2, [3], { counter: 3 }))).toMatchObject({ ok: true, lanes: [{ first: 1 }] });
  expect((await journal.status()).trouble).toBeUndefined();
  const again = journalOn(disk);
  const opening = await again.open();
  expect(opening.enqueued).toEqual([0, 0, 2, 0]);
  expect((await readAll(again, epoch, 2, 2)).values).toEqual([1, 3]);
});

test('a disk filled to the last byte gets going again once its records are delivered, and after a restart', async () => {
  const disk = createMemoryDisk();
  const capacity = 3 * 1024 ** 2;
  const full = (more: number) => {
    const used = [...disk.files.values()].reduce((sum, file) => sum + file.length, 0);
    if (used + more > capacity) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  const small: MemoryDisk = {
    ...disk,
    create(name) {
      full(1);
      const file = disk.create(name) as DiskFile;
      return {
        ...file,
        write(offset, bytes) {
          full(Math.max(0, offset + bytes.length - (disk.size(name) as number)));
          return file.write(offset, bytes);
        },
      };
    },
    async prepare(name, bytes) {
      full(bytes);
      await disk.prepare(name, bytes);
    },
  };
  const config = { maxBytes: 8 * 1024 ** 2, ballastBytes: 128 * 1024 };
  const journal = journalOn(small, config);
  const { epoch } = await journal.open();
  const values = Array.from({ length: 500 }, (_, index) => index);
  let enqueued = 0;
  for (let result = await journal.append(commitOf(2, values)); result.ok; ) {
    enqueued += values.length;
    result = await journal.append(commitOf(2, values));
  }
  for (const one of [1, 2, 3]) await journal.append(commitOf(2, [one])).then(({ ok }) => ok && enqueued++);
  const filler = createFiller(small);
  await journal.settle([{ epoch, lane: 2, from: 0, to: enqueued, fate: 'delivered' }]);
  filler.remove();
  expect(await journal.append(commitOf(2, [1]))).toMatchObject({ ok: true, lanes: [{ first: enqueued }] });
  await journal.close();
  const last = createFiller(small);
  const again = journalOn(small, config);
  expect((await again.open()).enqueued).toEqual([0, 0, enqueued + 1, 0]);
  last.remove();
});

/** Takes up all the room that is left, as somebody else's file would. */
function endOfBlocks(file: Buffer): number {
  const { offset, length } = findBlocks(file, 1).at(-1)!;
  return offset + length;
}

function createFiller(disk: MemoryDisk): { remove(): void } {
  const file = disk.create('filler') as DiskFile;
  let filled = 0;
  for (let size = 1024 ** 2; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (; ; filled += size) file.write(filled, new Uint8Array(size));
    } catch {
      // smaller pieces may still fit
    }
  }
  return { remove: () => void disk.remove('filler') };
}
