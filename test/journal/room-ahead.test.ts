import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { epochOf } from '../../core/identity.ts';
import type { Disk, DiskFile } from '../../core/ports.ts';
import { openForwardLog } from '../../journal/forward-log.ts';
import { createLogKeys } from '../../journal/key-ring.ts';
import { roomAhead } from '../../journal/room-ahead.ts';
import { openSegmentPool } from '../../journal/segment-pool.ts';
import { recordsLogOn } from '../helpers/segment-log.ts';

const MB = 1024 * 1024;

/** Writes a file full, a write at a time: how often it grew, and how long it is at the end. */
function fill(limit: number, lengths: () => number): { writes: number; growths: number; fileBytes: number } {
  let [at, fileBytes, writes, growths] = [0, 0, 0, 0];
  for (let length = lengths(); at + length <= limit; length = lengths()) {
    const to = at + length;
    const ahead = roomAhead({ from: at, to, fileBytes, limit });
    expect(ahead).toBeGreaterThanOrEqual(0);
    if (to > fileBytes) growths++;
    fileBytes = Math.max(fileBytes, to + ahead);
    expect(fileBytes).toBeLessThanOrEqual(limit);
    at = to;
    writes++;
  }
  return { writes, growths, fileBytes };
}

describe('a file grows in steps', () => {
  test('so small commits seldom make it longer, and it is full length when it is full', () => {
    expect(fill(4 * MB, () => 350)).toEqual({ writes: 11_983, growths: 38, fileBytes: 4 * MB });
    expect(fill(4 * MB, () => 20_000)).toEqual({ writes: 209, growths: 31, fileBytes: 4 * MB });
  });

  test('whatever is written, it is full length in the end, but for one write', () => {
    const length = fc.integer({ min: 1, max: 1_000 });
    fc.assert(
      fc.property(fc.integer({ min: 2_000, max: 20_000 }), length, fc.infiniteStream(length), (limit, first, more) => {
        const lengths = [first][Symbol.iterator]();
        const { fileBytes } = fill(limit, () => lengths.next().value ?? more.next().value!);
        // A write may find no room although the rest was longer than those before: then the file stays short.
        expect(limit - fileBytes).toBeLessThanOrEqual(1_000);
      }),
    );
  });

  test('a file that stays short takes at most twice what is in it', () => {
    expect(roomAhead({ from: 0, to: 1_000, fileBytes: 0, limit: 4 * MB })).toBe(1_000);
    expect(roomAhead({ from: 1_000, to: 1_500, fileBytes: 2_000, limit: 4 * MB })).toBe(0);
  });

  test('a write longer than a step gains nothing by it, but for the last ones', () => {
    expect(roomAhead({ from: 0, to: 200_000, fileBytes: 0, limit: 4 * MB })).toBe(0);
    expect(roomAhead({ from: 3.6 * MB, to: 3.8 * MB, fileBytes: 3.6 * MB, limit: 4 * MB })).toBe(4 * MB - 3.8 * MB);
  });
});

/** Counts files that come to be, and writes that make one longer. */
function counting(disk: ReturnType<typeof createMemoryDisk>) {
  const counts = { created: 0, growths: 0, writes: 0 };
  const counted = (name: string, file: DiskFile): DiskFile => ({
    ...file,
    write(offset, bytes) {
      counts.writes++;
      if (offset + bytes.length > disk.files.get(name)!.length) counts.growths++;
      return file.write(offset, bytes);
    },
  });
  const port: Disk = {
    ...disk,
    create(name) {
      counts.created++;
      return counted(name, disk.create(name) as DiskFile);
    },
    open: (name) => counted(name, disk.open(name) as DiskFile),
    // Slower than any segment fills.
    prepare: () => new Promise(() => undefined),
  };
  return { port, counts };
}

const COMMIT = [{ kind: 'commit' as const, payload: new Uint8Array(100) }];

test('a log that fills faster than spares are made creates files once, and then uses them again', async () => {
  const disk = createMemoryDisk();
  const { port, counts } = counting(disk);
  const log = recordsLogOn(port, await openSegmentPool(port, MB));
  const fillOne = async (): Promise<void> => {
    while (log.fits(100)) await log.append(COMMIT, { sync: true });
  };
  await log.roll();
  for (let segment = 1; segment <= 20; segment++) {
    await fillOne();
    expect(log.fileBytes).toBe(log.capacity);
    await log.roll();
    if (segment >= 4) await log.recycle([segment - 3]); // delivery follows
  }
  expect(counts.created).toBe(5);
  counts.growths = 0;
  await fillOne();
  expect(counts.growths).toBe(0);
});

test('after a failed write no room is made in advance, until something was given back', async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const { port } = counting(disk);
  const faulty: Disk = {
    ...port,
    create(name) {
      const file = port.create(name) as DiskFile;
      return {
        ...file,
        sync() {
          if (failing) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        },
      };
    },
  };
  const log = recordsLogOn(faulty, await openSegmentPool(faulty));
  await log.append(COMMIT, { sync: true });
  expect(log.fileBytes).toBeGreaterThan(log.size);
  failing = true;
  await expect(log.append(COMMIT, { sync: true })).rejects.toThrow('no space left');
  failing = false;
  await log.append(COMMIT, { sync: true });
  expect(log.fileBytes).toBe(log.size);
  await log.roll();
  await log.recycle([1]);
  await log.append(COMMIT, { sync: true });
  expect(log.fileBytes).toBeGreaterThan(log.size);
});

test('fates are written over zeros: the log of them seldom grows, and its room is counted', async () => {
  const disk = createMemoryDisk();
  const { port, counts } = counting(disk);
  const keys = createLogKeys(createMemoryKeyRing(), 'sense', 'forward');
  const epoch = epochOf(1n);
  const forward = await openForwardLog(port, keys, epoch, 1024 * MB);
  for (let from = 0; from < 1_000; from++) {
    await forward.append([{ epoch, lane: 2, from, to: from + 1, fate: 'delivered' }]);
  }
  expect(counts.writes).toBeGreaterThan(1_000);
  expect(counts.growths).toBeLessThan(20);
  const onDisk = [...disk.files.values()].reduce((sum, { length }) => sum + length, 0);
  expect(forward.bytes()).toBe(onDisk);
  await forward.close();
});
