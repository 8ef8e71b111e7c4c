import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { parquetSource, RECORD_COLUMN_LIST, sqlText } from './duckdb-schema.ts';
import { guardQuery, type RefusedQuery, refuseQuery } from './query-guard.ts';
import {
  DEFAULT_RESULT_BYTES,
  type QueryResult,
  type QuerySetup,
  type StreamRow,
  tooMuchMemory,
  tooSlow,
} from './query-messages.ts';
import { takeRows, wrapQuery } from './query-rows.ts';
import type { OpenSnapshot } from './query-snapshot.ts';

/** The database that queries see. It lives in a process of its own: not every query obeys its limits. */
export interface QueryDatabase {
  /**
   * One query at a time.
   *
   * @param snapshot undefined = as at the last query
   * @throws Error if the snapshot's files cannot be read; what is wrong with the query comes as a value
   */
  answer(sql: string, snapshot: OpenSnapshot | undefined): Promise<QueryResult>;
}

export async function openQueryDatabase(setup: QuerySetup): Promise<QueryDatabase> {
  const instance = await lockedInstance(setup);
  const views = await instance.connect();
  await createStreams(views, setup.streams);
  return {
    async answer(sql, snapshot) {
      if (snapshot) await createRecords(views, snapshot);
      const connection = await instance.connect();
      const watch = watchTime(setup.timeoutMs, connection);
      try {
        return await answerQuery(connection, sql, setup);
      } catch (error) {
        return explain(error as Error, setup);
      } finally {
        watch.stop();
        connection.closeSync();
      }
    },
  };
}

async function answerQuery(connection: DuckDBConnection, sql: string, setup: QuerySetup): Promise<QueryResult> {
  const begun = performance.now();
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
  const limits = { rows: setup.maxRows ?? 10_000, bytes: setup.maxResultBytes ?? DEFAULT_RESULT_BYTES };
  const taken = await takeRows(connection, wrapQuery(sql, columns, limits), columns, limits);
  return { ok: true, columns, ...taken, ms: performance.now() - begun };
}

/** Interrupts again and again: the query may have been between two steps at the first time. */
function watchTime(timeoutMs: number, connection: DuckDBConnection): { stop(): void } {
  let repeat: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => {
    connection.interrupt();
    repeat = setInterval(() => connection.interrupt(), 50);
  }, timeoutMs);
  return {
    stop() {
      clearTimeout(timer);
      clearInterval(repeat);
    },
  };
}

/** DuckDB names the family of an error first. */
function explain(error: Error, setup: QuerySetup): RefusedQuery {
  const message = error.message;
  if (message.startsWith('INTERRUPT')) return tooSlow(setup.timeoutMs);
  if (message.startsWith('Out of Memory')) return tooMuchMemory(setup.memoryBytes);
  if (message.startsWith('Permission Error')) return refuseQuery('refused', 'files are not open to queries');
  return refuseQuery('invalid', message);
}

/** A database in memory that can read the given folders and nothing else, and whose settings are final. */
async function lockedInstance({ folders, memoryBytes, threads }: QuerySetup): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.ceil(memoryBytes / 1024)}KiB`,
    threads: String(threads ?? 2),
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
