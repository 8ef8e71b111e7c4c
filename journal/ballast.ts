import type { Disk } from '../core/ports.ts';

const FILE = 'ballast';

/**
 * A file that only takes up room. On a disk filled to the last byte nothing could be noted any more, so no segment
 * could be recycled either, and the disk would stay full for ever: the ballast is thrown out to get going again.
 */
export interface Ballast {
  /** Takes it on board if it is not there and there is room. */
  load(): Promise<void>;
  /** Runs a task; if the disk is full and there is ballast to throw out, once more. */
  withRoom<T>(task: () => Promise<T>): Promise<T>;
}

/** @param bytes 0 = no ballast */
export function createBallast(disk: Disk, bytes: number): Ballast {
  const isLoaded = async (): Promise<boolean> => (await disk.list()).includes(FILE);
  return {
    async load() {
      if (bytes === 0 || (await isLoaded())) return;
      try {
        const file = await disk.create(FILE);
        await file.append(new Uint8Array(bytes));
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
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC' || bytes === 0 || !(await isLoaded())) throw error;
        await disk.remove(FILE);
        return task();
      }
    },
  };
}
