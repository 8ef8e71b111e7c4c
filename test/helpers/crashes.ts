import { crc32 } from 'node:zlib';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { type CrashState, createCrashDisk } from '../crash-states/crash-disk.ts';
import { createRecordingDisk, type RecordingDisk } from '../crash-states/recording-disk.ts';

/** A disk in memory that can be asked afterwards what a crash may have left of it. */
export interface CrashableDisk extends RecordingDisk<never> {
  /** Every different directory that a kill or a power cut may leave during `run`, and right after it. */
  crashesDuring(run: () => Promise<unknown>): Promise<CrashState[]>;
}

export function createCrashableDisk(seed = 1n): CrashableDisk {
  const disk = createRecordingDisk<never>(createMemoryDisk());
  return {
    ...disk,
    async crashesDuring(run) {
      const first = disk.events.length;
      await run();
      await disk.idle();
      const crashed = createCrashDisk();
      const random = createSeededRandom(seed);
      const found = new Map<number, CrashState>();
      for (const [index, event] of disk.events.entries()) {
        crashed.apply(event);
        if (index < first - 1) continue;
        for (const { state } of crashed.states(random)) found.set(hashOf(state), state);
      }
      return [...found.values()];
    },
  };
}

const hashOf = (state: CrashState): number =>
  [...state].sort(([a], [b]) => (a < b ? -1 : 1)).reduce((sum, [name, bytes]) => crc32(bytes, crc32(name, sum)), 0);
