import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { createSerialQueue } from '../../core/serial-queue.ts';
import { parquetSource, RECORD_COLUMN_LIST, sqlText } from './duckdb-schema.ts';
import { guardQuery, type RefusedQuery, refuseQuery } from './query-guard.ts';
import { type QueryColumn, type QueryValue, takeRows, wrapQuery } from './query-rows.ts';
import { createSnapshots, type OpenSnapshot, type RecordsSource } from './query-snapshot.ts';

/** A row of the view `streams`: names and units, which records do not repeat. */
export interface StreamRow {
  node: string;
  stream: string;
  kind: string;
  unit: string | null;
  priority: string;
}

export interface QueryConfig {
  /** An empty folder of the engine's own, for the staged rows. */
  snapshotFolder: string;
  streams: readonly StreamRow[];
  /** A query is interrupted after so many ms, the wait for its turn not counted. */
  timeoutMs: number;
  memoryBytes: number;
  /** @default 2 */
  threads?: number;
  /** @default 10000 */
  maxRows?: number;
  /** Of the rows as JSON. @default 16 MiB */
  maxResultBytes?: number;
  /** More queries than this waiting are refused as busy. @default 8 */
  maxWaiting?: number;
}

export type QueryResult =
  | { ok: true; columns: QueryColumn[]; rows: QueryValue[][]; truncated: boolean; ms: number }
  | RefusedQuery;

export interface QueryEngine {
  /** One SELECT over the views `records` and `streams`. What is wrong with it comes as a value. */
  query(sql: string): Promise<QueryResult>;
  /** Queries waiting or running now. */
  pending(): number;
  /** Interrupts what runs. */
  close(): Promise<void>;
}

/** How long an interrupted query may take to notice before its caller is told anyway. */
const GRACE_MS = 2_000;

/** Queries run one at a time: each holds a thread of the pool that commits and the journal need too. */
export async function openQueryEngine(source: RecordsSource, config: QueryConfig): Promise<QueryEngine> {
  const snapshots = await createSnapshots(source, config.snapshotFolder);
  const instance = await lockedInstance([source.cold, config.snapshotFolder], config);
  const views = await instance.connect();
  await createStreams(views, config.streams);
  const queue = createSerialQueue();
  let pending = 0;
  let running: DuckDBConnection | undefined;
  let shown: number | undefined;
  let closing = false;

  const show = async (snapshot: OpenSnapshot) => {
    if (snapshot.revision !== shown) await createRecords(views, snapshot);
    shown = snapshot.revision;
  };

  const turn = async (sql: string, answer: (result: QueryResult) => void): Promise<void> => {
    if (closing) return answer(refuseQuery('busy', 'the hub is stopping'));
    await show(await snapshots.current());
    const connection = await instance.connect();
    running = connection;
    const watch = watchTime(config.timeoutMs, connection, () => answer(tooSlow(config.timeoutMs)));
    const begun = performance.now();
    try {
      const result = await answerQuery(connection, sql, config);
      answer(result.ok ? { ...result, ms: performance.now() - begun } : result);
    } catch (error) {
      answer(explain(error as Error, config));
    } finally {
      watch.stop();
      running = undefined;
      connection.closeSync();
    }
  };

  return {
    query(sql) {
      const limit = config.maxWaiting ?? 8;
      if (pending > limit) return Promise.resolve(refuseQuery('busy', `${pending - 1} queries wait, allowed ${limit}`));
      pending++;
      return new Promise((resolve, reject) => {
        queue
          .run(() => turn(sql, resolve))
          .catch(reject)
          .finally(() => {
            pending--;
          });
      });
    },
    pending: () => pending,
    async close() {
      closing = true;
      const repeat = setInterval(() => running?.interrupt(), 20); // it may be between two steps just now
      await queue.idle();
      clearInterval(repeat);
      views.closeSync();
      instance.closeSync();
      await snapshots.close();
    },
  };
}

type Answered = { ok: true; columns: QueryColumn[]; rows: QueryValue[][]; truncated: boolean } | RefusedQuery;

async function answerQuery(connection: DuckDBConnection, sql: string, config: QueryConfig): Promise<Answered> {
  const refusal = await guardQuery(connection, sql);
  if (refusal) return refusal;
  const prepared = await connection.prepare(sql);
  if (prepared.parameterCount > 0) {
    return refuseQuery('invalid', `${prepared.parameterCount} parameters, allowed 0: write the values into the query`);
  }
  const columns = Array.from({ length: prepared.columnCount }, (_, index) => ({
    name: prepared.columnName(index),
    type: String(prepared.columnType(index)),
  }));
  const limits = { rows: config.maxRows ?? 10_000, bytes: config.maxResultBytes ?? 16 * 1024 ** 2 };
  return { ok: true, columns, ...(await takeRows(connection, wrapQuery(sql, columns, limits), columns, limits)) };
}

/** Interrupts again and again: the query may have been between two steps at the first time. */
function watchTime(timeoutMs: number, connection: DuckDBConnection, giveUp: () => void): { stop(): void } {
  let repeat: NodeJS.Timeout | undefined;
  let grace: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    connection.interrupt();
    repeat = setInterval(() => connection.interrupt(), 50);
    grace = setTimeout(giveUp, GRACE_MS);
  }, timeoutMs);
  return {
    stop() {
      clearTimeout(timer);
      clearInterval(repeat);
      clearTimeout(grace);
    },
  };
}

const tooSlow = (timeoutMs: number): RefusedQuery =>
  refuseQuery('too-slow', `interrupted after ${timeoutMs} ms, the time allowed`);

/** DuckDB names the family of an error first. */
function explain(error: Error, config: QueryConfig): RefusedQuery {
  const message = error.message;
  if (message.startsWith('INTERRUPT')) return tooSlow(config.timeoutMs);
  if (message.startsWith('Out of Memory')) {
    return refuseQuery('too-much-memory', `more than ${config.memoryBytes} bytes, the memory allowed`);
  }
  if (message.startsWith('Permission Error')) return refuseQuery('refused', 'files are not open to queries');
  return refuseQuery('invalid', message);
}

/** A database in memory that can read the given folders and nothing else, and whose settings are final. */
async function lockedInstance(folders: readonly string[], config: QueryConfig): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(config.memoryBytes / 1024)}KiB`,
    threads: String(config.threads ?? 2),
    temp_directory: '', // no spilling to disk; it would also become a folder that queries may read
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  for (const setting of [
    `allowed_directories = [${folders.map(sqlText).join(', ')}]`,
    `TimeZone = 'UTC'`,
    'integer_division = true',
    'enable_external_access = false',
    'lock_configuration = true',
  ]) {
    await connection.run(`SET GLOBAL ${setting}`);
  }
  connection.closeSync();
  return instance;
}

async function createStreams(connection: DuckDBConnection, streams: readonly StreamRow[]): Promise<void> {
  await connection.run(
    'CREATE TABLE streams (node VARCHAR, stream VARCHAR, kind VARCHAR, unit VARCHAR, priority VARCHAR)',
  );
  const appender = await connection.createAppender('streams');
  for (const row of streams) {
    for (const value of [row.node, row.stream, row.kind, row.unit, row.priority]) {
      if (value === null) appender.appendNull();
      else appender.appendVarchar(value);
    }
    appender.endRow();
  }
  appender.flushSync();
  appender.closeSync();
}

/** Sealed files carry their day in the folder's name: a condition on `dt` then opens the files of those days only. */
async function createRecords(connection: DuckDBConnection, { files, staged }: OpenSnapshot): Promise<void> {
  const sealed = parquetSource(files);
  const parts = sealed === undefined ? [] : [`SELECT ${RECORD_COLUMN_LIST}, dt FROM ${sealed}`];
  parts.push(
    `SELECT ${RECORD_COLUMN_LIST}, ts::DATE AS dt FROM read_parquet(${sqlText(staged)}, hive_partitioning = false)`,
  );
  await connection.run(`CREATE OR REPLACE VIEW records AS ${parts.join(' UNION ALL ')}`);
}
