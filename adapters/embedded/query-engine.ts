import type { Logger } from '../../core/ports.ts';
import { createSerialQueue } from '../../core/serial-queue.ts';
import { type QueryChild, startQueryChild } from './query-child.ts';
import { type RefusedQuery, refuseQuery } from './query-guard.ts';
import type { QueryResult, QuerySetup } from './query-messages.ts';
import { createSnapshots, type RecordsSource } from './query-snapshot.ts';

export type { QueryResult, StreamRow } from './query-messages.ts';

export interface QueryPorts {
  source: RecordsSource;
  logger: Logger;
  /** The query-process.js that build.mjs makes. */
  bundle: URL;
}

export interface QueryConfig extends Omit<QuerySetup, 'folders'> {
  /** An empty folder of the engine's own, for the staged rows. */
  snapshotFolder: string;
  /** More queries than this waiting are refused as busy. @default 8 */
  maxWaiting?: number;
}

export interface QueryEngine {
  /** One SELECT over the views `records` and `streams`. What is wrong with it comes as a value. */
  query(sql: string): Promise<QueryResult>;
  /** Queries waiting or running now. */
  pending(): number;
  /** Ends what runs. */
  close(): Promise<void>;
}

const STOPPING: RefusedQuery = refuseQuery('busy', 'the hub is stopping');

/**
 * Queries run one at a time in a process of their own, because some escape DuckDB's memory limit and some cannot be
 * interrupted: a process can be ended whatever it does. It starts with the first query, so that a hub that nobody asks
 * does without it.
 */
export async function openQueryEngine(ports: QueryPorts, config: QueryConfig): Promise<QueryEngine> {
  const { snapshotFolder, maxWaiting = 8, ...limits } = config;
  const snapshots = await createSnapshots(ports.source, snapshotFolder);
  const setup: QuerySetup = { ...limits, folders: [ports.source.cold, snapshotFolder] };
  const queue = createSerialQueue();
  let pending = 0;
  let child: QueryChild | undefined;
  let closing = false;

  const turn = async (sql: string): Promise<QueryResult> => {
    if (closing) return STOPPING;
    if (child === undefined || child.ended()) child = startQueryChild(ports, setup);
    return child.query(sql, await snapshots.current());
  };

  return {
    async query(sql) {
      if (pending > maxWaiting) return refuseQuery('busy', `${pending - 1} queries wait, allowed ${maxWaiting}`);
      pending++;
      try {
        return await queue.run(() => turn(sql));
      } finally {
        pending--;
      }
    },
    pending: () => pending,
    async close() {
      closing = true;
      await child?.end(STOPPING);
      await queue.idle(); // a snapshot still reads the store
      await snapshots.close();
    },
  };
}
