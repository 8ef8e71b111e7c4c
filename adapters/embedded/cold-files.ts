import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../core/ports.ts';
import { syncDirectory } from './durable-file.ts';

/** What sealing does to the disk, each step on its own so that a test can cut in between. */
export interface ColdFiles {
  makeFolder(path: string): Promise<void>;
  /** The content of the file survives a power cut. */
  syncFile(path: string): Promise<void>;
  /** The names in the folder survive a power cut. */
  syncFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  size(path: string): Promise<number>;
}

export const realColdFiles: ColdFiles = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  syncFile,
  syncFolder: syncDirectory,
  rename,
  size: async (path) => (await stat(path)).size,
};

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Paths below `folder`, relative to it, with / between. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const nested = entries.map(async (entry) =>
    entry.isDirectory()
      ? (await filesBelow(join(folder, entry.name))).map((below) => `${entry.name}/${below}`)
      : [entry.name],
  );
  return (await Promise.all(nested)).flat();
}

/**
 * Brings the folder in line with the database: what it does not name is the rest of a seal that was cut off (its
 * rows are still staged) and goes.
 *
 * @param named names of files relative to `cold`
 * @param isNew the database was made just now
 * @throws Error naming the files that the database names and the disk lacks, or if a new database finds old files:
 *   then the database was lost, and removing them would be the end of the data
 */
export async function reconcileColdFiles(
  cold: string,
  named: readonly string[],
  isNew: boolean,
  logger: Logger,
): Promise<void> {
  await mkdir(cold, { recursive: true });
  const present = await filesBelow(cold);
  if (isNew && present.length > 0) {
    throw new Error(
      `${cold} holds ${present.length} files (${sample(present)}) but the database beside it is new: ` +
        'put back hub.duckdb, or move the files away',
    );
  }
  const missing = named.filter((name) => !present.includes(name));
  if (missing.length > 0) throw new Error(`${cold}: ${missing.length} stored files are missing: ${sample(missing)}`);
  const names = new Set(named);
  for (const name of present.filter((candidate) => !names.has(candidate))) {
    logger.warn({ file: name }, 'removed a file that no seal finished');
    await rm(join(cold, name));
  }
}

const sample = (names: readonly string[]): string =>
  names.length <= 10 ? names.join(', ') : `${names.slice(0, 10).join(', ')}, …`;
