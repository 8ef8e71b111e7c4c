import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileDisk } from '../../adapters/embedded/file-disk.ts';
import { type QuotaName, type RecordedRun, recordJournal } from './journal-run.ts';

/** From HEADWATER_SEED, a commit's hash in CI; without it every run is the same. */
export const SEED = BigInt(`0x${(process.env.HEADWATER_SEED ?? 'c0ffee').replace(/^0x/, '').slice(0, 16)}`);

/** Runs with a directory that is gone afterwards. */
export async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-crash-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What the journal does to a real disk. */
export const recordOnDisk = (quota: QuotaName): Promise<RecordedRun> =>
  inDirectory((directory) => recordJournal(openFileDisk(directory), SEED, quota));
