import { join } from 'node:path';
import type { DuckDbStore } from '../../adapters/embedded/duckdb-store.ts';
import {
  openQueryEngine,
  type QueryConfig,
  type QueryEngine,
  type StreamRow,
} from '../../adapters/embedded/query-engine.ts';
import { silentLogger } from './silent-logger.ts';
import { openStore, withDirectory } from './stores.ts';

export const bundle = new URL('../../dist/query-process.js', import.meta.url);

const STREAMS: StreamRow[] = [
  { node: 'node-a', stream: 'temperature', kind: 'number', unit: '°C', priority: 'normal' },
  { node: 'node-a', stream: 'state', kind: 'text', unit: null, priority: 'high' },
];

export interface QueryBench {
  directory: string;
  store: DuckDbStore;
  engine: QueryEngine;
}

export const withEngine = (run: (bench: QueryBench) => Promise<void>, over: Partial<QueryConfig> = {}): Promise<void> =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const snapshotFolder = join(store.cold, '..', 'snapshots');
    const config = { snapshotFolder, streams: STREAMS, timeoutMs: 10_000, memoryBytes: 128 * 1024 ** 2, ...over };
    const engine = await openQueryEngine({ source: store, logger: silentLogger, bundle }, config);
    try {
      await run({ directory, store, engine });
    } finally {
      await engine.close();
      await store.close();
    }
  });

export const rowsOf = async (engine: QueryEngine, sql: string) => {
  const result = await engine.query(sql);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.rows;
};
export const reasonOf = async (engine: QueryEngine, sql: string) => {
  const result = await engine.query(sql);
  return result.ok ? 'answered' : result.reason;
};
