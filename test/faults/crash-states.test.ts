import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openFileDisk } from '../../adapters/embedded/file-disk.ts';
import { checkState, diskWith } from '../crash-states/check-state.ts';
import type { CrashState } from '../crash-states/crash-disk.ts';
import { explore } from '../crash-states/explore.ts';
import { inDirectory, recordOnDisk, SEED } from '../crash-states/with-run.ts';

/**
 * Everything that a power cut or a kill may leave of a journal at work on a real disk: after each call every prefix,
 * torn writes, legal reorderings of writes and names. HEADWATER_SEED draws other work and other states;
 * HEADWATER_CRASH_STATES=all looks at every one of them.
 */
const ALL = process.env.HEADWATER_CRASH_STATES === 'all';
/** One in so many states. */
const EVERY = ALL ? { tight: 1, roomy: 1, restless: 1 } : { tight: 2, roomy: 3, restless: 2 };
const LEAST = { tight: 4_000, roomy: 5_500, restless: 500 };
/** What a run must have come to: else its states prove nothing of it. */
const MUST_HAPPEN = { tight: 'evicted', roomy: 'recycled', restless: 'merged' } as const;
/** One in so many is also opened from a real directory. */
const ON_DISK = 100;
const MINUTE = 60_000;

test.each(['restless', 'tight', 'roomy'] as const)(
  'crash states, %s quota: each holds everything that was acknowledged, once',
  async (quota) => {
    const { events, happened } = await recordOnDisk(quota);
    let count = 0;
    let onDisk = 0;
    const { failures, ...found } = await explore(
      events,
      { seed: SEED, every: EVERY[quota] },
      async ({ state, known, keys, seed }) => {
        await checkState(diskWith(state), known, keys, seed, quota);
        if (count++ % ON_DISK !== 0) return;
        onDisk++;
        await inDirectory(async (directory) => {
          await writeState(directory, state);
          await checkState(openFileDisk(directory), known, keys, seed, quota);
        });
      },
    );
    console.info({ quota, seed: SEED.toString(16), events: events.length, onDisk, ...found, happened });
    expect(happened[MUST_HAPPEN[quota]]).toBeGreaterThan(0);
    expect(failures).toEqual([]);
    expect(found.states).toBeGreaterThan(LEAST[quota]);
  },
  (ALL ? 60 : 10) * MINUTE,
);

async function writeState(directory: string, state: CrashState): Promise<void> {
  for (const [name, bytes] of state) await writeFile(join(directory, name), bytes);
}
