import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ColdFiles } from '../../adapters/embedded/cold-files.ts';
import { type DuckDbStore, openDuckDbStore } from '../../adapters/embedded/duckdb-store.ts';
import type { PoisonBounds } from '../../adapters/poison-bounds.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { START_MS } from './envelopes.ts';
import { silentLogger } from './silent-logger.ts';

export interface StoreOptions {
  files?: ColdFiles;
  poison?: PoisonBounds;
  sealRows?: number;
  nowMs?: () => number;
}

export const openStore = (directory: string, options: StoreOptions = {}): Promise<DuckDbStore> =>
  openDuckDbStore(
    {
      logger: silentLogger,
      nowMs: options.nowMs ?? (() => START_MS),
      ...(options.files && { files: options.files }),
    },
    { directory, sealRows: options.sealRows ?? Infinity, ...(options.poison && { poison: options.poison }) },
  );

export async function withDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-store-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** All records as a query would see them, read independently of the store's own counts; ordered by identity. */
export async function rowsIn(store: DuckDbStore, directory: string): Promise<StoredRow[]> {
  const staged = join(directory, 'rows.parquet');
  const { files } = await store.snapshot(staged);
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const paths = [...files, staged].map((path) => `'${path}'`).join(', ');
    const result = await connection.runAndReadAll(
      `SELECT * REPLACE (epoch_ms(ts) AS ts, epoch_ms(stored_at) AS stored_at)
       FROM read_parquet([${paths}], hive_partitioning = false) ORDER BY node, producer, epoch, lane, position`,
    );
    return result
      .getRowObjectsJS()
      .map(
        (row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
          ) as unknown as StoredRow,
      );
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(staged);
  }
}
