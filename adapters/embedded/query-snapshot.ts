import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordsSnapshot } from './duckdb-store.ts';

/** Where records come from: the store, as far as queries need it. */
export interface RecordsSource {
  readonly cold: string;
  revision(): number;
  snapshot(stagedFile: string): Promise<RecordsSnapshot>;
}

/** All Parquet files that hold the records of one moment, by absolute path. */
export interface OpenSnapshot extends RecordsSnapshot {
  staged: string;
}

export interface Snapshots {
  /** The newest moment; taken anew only if records changed since the last one. */
  current(): Promise<OpenSnapshot>;
  close(): Promise<void>;
}

/**
 * Keeps at most one snapshot file in `folder`, which is emptied first.
 * One user at a time: the next call of `current` may remove the files of the last.
 */
export async function createSnapshots(source: RecordsSource, folder: string): Promise<Snapshots> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let number = 0;
  let last: OpenSnapshot | undefined;
  return {
    async current() {
      if (last?.revision === source.revision()) return last;
      const staged = join(folder, `staged-${++number}.parquet`);
      const taken = await source.snapshot(staged);
      if (last) await rm(last.staged, { force: true });
      last = { ...taken, staged };
      return last;
    },
    async close() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
