import { expect, test } from '@jest/globals';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import type { Disk, DiskFile } from '../../core/ports.ts';
import { openSegmentPool } from '../../journal/segment-pool.ts';
import { recordsLogOn } from '../helpers/segment-log.ts';

const COMMIT = [{ kind: 'commit' as const, payload: new Uint8Array(1_000) }];

test('the file of a segment that failed once is not written to again: it is removed, not kept as a spare', async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const faulty: Disk = {
    ...disk,
    open(name) {
      const file = disk.open(name) as DiskFile;
      return {
        ...file,
        sync() {
          if (failing) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
          return file.sync();
        },
      };
    },
  };
  const pool = await openSegmentPool(faulty);
  const log = recordsLogOn(faulty, pool);
  await log.roll();
  for (let count = 0; count < 3; count++) await log.append(COMMIT, { sync: true });
  await pool.settled();
  await log.roll(); // onto the spare: of the size that could be used again
  await log.append(COMMIT, { sync: true });
  failing = true;
  await expect(log.append(COMMIT, { sync: true })).rejects.toThrow('I/O error');
  failing = false;
  await log.roll();
  expect(log.truncated).toHaveProperty('2');
  await pool.release();
  expect(disk.size('records-0000000002.hwj')).toBe(log.capacity);
  await log.recycle([2]);
  expect([...disk.files.keys()].sort()).toEqual(['records-0000000001.hwj', 'records-0000000003.hwj']);
  expect(pool.bytes()).toBe(0);
});

test('a removal that failed and was done all the same is tried once more, and is no failure then', async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const faulty: Disk = {
    ...disk,
    remove(name) {
      if (!disk.files.has(name)) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      disk.remove(name);
      if (failing) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
    },
  };
  const log = recordsLogOn(faulty);
  await log.roll();
  await log.roll();
  failing = true;
  await expect(log.recycle([1])).rejects.toThrow('I/O error');
  failing = false;
  await log.recycle([1]);
  expect([...disk.files.keys()]).toEqual(['records-0000000002.hwj']);
});
