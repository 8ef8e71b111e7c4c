import type { Disk } from '../core/ports.ts';
import type { SegmentPool } from './segment-pool.ts';

const FILE = 'ballast';

/**
 * A file that only takes up room. On a disk filled to the last byte nothing could be noted any more, so no segment
 * could be recycled either, and the disk would stay full for ever: the ballast is thrown out to get going again.
 */
export interface Ballast {
  /** Takes it on board if it is not there and there is room. */
  load(): Promise<void>;
  /** Runs a task; if the disk is full, again without the spare segments, and then without the ballast. */
  withRoom<T>(task: () => Promise<T>): Promise<T>;
}

/** @param bytes 0 = no ballast */
export function createBallast(disk: Disk, bytes: number, pool?: SegmentPool): Ballast {
  const isLoaded = async (): Promise<boolean> => (await disk.list()).includes(FILE);
  return {
    async load() {
      if (bytes === 0 || (await isLoaded())) return;
      try {
        const file = await disk.create(FILE);
        await file.write(0, new Uint8Array(bytes));
        await file.sync();
        await file.close();
      } catch {
        await Promise.resolve(disk.remove(FILE)).catch(() => undefined); // half a ballast would pass for a whole one
      }
    },
    async withRoom(task) {
      try {
        return await task();
      } catch (error) {
        if (!isFull(error)) throw error;
        if (pool && pool.bytes() > 0) {
          await pool.release();
          try {
            return await task();
          } catch (again) {
            if (!isFull(again)) throw again;
          }
        }
        if (bytes === 0 || !(await isLoaded())) throw error;
        await disk.remove(FILE);
        return task();
      }
    },
  };
}

const isFull = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOSPC';
