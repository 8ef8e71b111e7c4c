import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { HubLedger } from '../../hub/ledger.ts';
import type { HubStatus } from '../../hub/status.ts';

/** What stands in a stopped hub's directory, read by a database of the test's own. */
export interface HubData {
  /** Rows of a query over the view `records`: staged rows and the files that the database names. */
  sql(query: string): Promise<Record<string, unknown>[]>;
  /** Positions that the index holds as stored, per `node/priority lane`. */
  indexed(): Promise<Record<string, number>>;
  close(): void;
}

/** @param data the --data directory of a hub that does not run */
export async function openHubData(data: string): Promise<HubData> {
  const store = join(data, 'hub', 'store');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const sql = async (query: string): Promise<Record<string, unknown>[]> =>
    (await connection.runAndReadAll(query))
      .getRowObjectsJS()
      .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
  await sql(`ATTACH '${join(store, 'hub.duckdb')}' AS hub (READ_ONLY)`);
  const files = (await sql('SELECT name FROM hub.files')).map(({ name }) => `'${join(store, 'cold', String(name))}'`);
  const columns = 'node, producer, epoch, lane, position, device, stream, epoch_ms(ts) AS ts, value, text, quality';
  const sealed =
    files.length === 0 ? '' : `UNION ALL SELECT ${columns} FROM read_parquet([${files}], hive_partitioning = false)`;
  // A −0 is staged as NaN.
  const staged = columns.replace(' value,', ` if(isnan(value), '-0.0'::DOUBLE, value) AS value,`);
  await sql(`CREATE VIEW records AS SELECT ${staged} FROM hub.staged ${sealed}`);
  return {
    sql,
    async indexed() {
      const counts: Record<string, number> = {};
      for (const { node, lane, stored } of await sql('SELECT node, lane, stored FROM hub.lanes')) {
        const ranges = JSON.parse(String(stored)) as [number, number][];
        const name = `${node}/${lane}`;
        counts[name] = ranges.reduce((sum, [from, to]) => sum + to - from, counts[name] ?? 0);
      }
      return counts;
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

/** Asks the running hub of a data directory; undefined while it does not answer. */
async function ask<T>(data: string, path: string, init: RequestInit = {}): Promise<T | undefined> {
  const file = join(data, 'hub', 'address.json');
  if (!existsSync(file)) return undefined;
  try {
    const { url } = JSON.parse(readFileSync(file, 'utf8')) as { url: string };
    const response = await fetch(new URL(path, url), init);
    return response.ok ? ((await response.json()) as T) : undefined;
  } catch {
    return undefined; // not there yet, or killed just now: the caller asks again
  }
}

export const askStatus = (data: string): Promise<HubStatus | undefined> => ask(data, '/status');
export const askLedger = (data: string): Promise<HubLedger | undefined> => ask(data, '/ledger');

/** The first column of the first row. */
export async function askNumber(data: string, sql: string): Promise<number | undefined> {
  const answer = await ask<{ rows: unknown[][] }>(data, '/query', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql }),
  });
  return answer && Number(answer.rows[0]![0]);
}
