import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { COLD_TABLES, type ColdType } from '../../core/cold-tables.ts';
import { SHIPPED_QUERIES } from '../../lib/storage/shipped-queries.ts';

/** Shipped queries as they stand, on an engine at hand; what Athena says differently is no part of them. */
const DAY = '2026-11-23';
const TYPES: Readonly<Record<ColdType, string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMP',
  double: 'DOUBLE',
  int: 'INTEGER',
  bigint: 'BIGINT',
  'array<double>': 'DOUBLE[]',
};

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  for (const { name, columns } of COLD_TABLES) {
    const types = columns.map(([column, type]) => `"${column}" ${TYPES[type]}`);
    await connection.run(`CREATE TABLE ${name} (${types.join(', ')}, dt VARCHAR)`);
  }
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

async function run(name: string): Promise<Record<string, unknown>[]> {
  const { sql } = SHIPPED_QUERIES.find((query) => query.name === name)!;
  return (await connection.runAndReadAll(sql.replace(/^--.*$/gm, '').replaceAll('?', `'${DAY}'`))).getRowObjectsJS();
}

/** Rows of a table; columns that are not given are null. */
async function fill(table: string, rows: readonly Record<string, string | number>[]): Promise<void> {
  await connection.run(`DELETE FROM ${table}`);
  for (const row of rows) {
    // As text: a number in SQL is a decimal first, which rounds.
    const values = Object.values(row).map((value) => `'${value}'`);
    const names = Object.keys(row).map((column) => `"${column}"`);
    await connection.run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')})`);
  }
}

const stream = { site: 's', node: 'n', device: 'd', stream: 't', dt: DAY };

test('minute-summary merges parts into what the whole minute gives', async () => {
  const part = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
      await fill(
        'partials',
        parts.map((values) => {
          const sum = values.reduce((a, b) => a + b, 0);
          const mean = sum / values.length;
          const m2 = values.reduce((a, b) => a + (b - mean) ** 2, 0);
          const extremes = { min: Math.min(...values), max: Math.max(...values) };
          return { ...stream, minute: `${DAY} 10:00`, count: values.length, ...extremes, sum, mean, m2, bad: 1 };
        }),
      );
      const all = parts.flat();
      const mean = all.reduce((a, b) => a + b, 0) / all.length;
      const deviation = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
      const [row, ...more] = await run('minute-summary');
      expect(more).toEqual([]);
      expect([row!.records, row!.bad].map(Number)).toEqual([all.length, parts.length]);
      expect([row!.minimum, row!.maximum]).toEqual([Math.min(...all), Math.max(...all)]);
      expect(row!.mean).toBeCloseTo(mean, 6);
      expect(row!.deviation).toBeCloseTo(deviation, 5);
    }),
    { numRuns: 30 },
  );
});

test('ledger-count says how many records are there twice, and last-value takes the greatest position', async () => {
  const record = { ...stream, producer: 'p', epoch: 'e', lane: 1, ts: `${DAY} 10:00` };
  await fill('landing', [
    { ...record, position: 1, value: 10 },
    { ...record, position: 2, value: 20 },
    { ...record, position: 2, value: 20 },
    { ...record, position: 0, value: 0, dt: '2026-11-22' },
  ]);
  const [count] = await run('ledger-count');
  expect([count!.records, count!.twice, count!.first_position, count!.last_position].map(Number)).toEqual([3, 1, 1, 2]);
  expect((await run('last-value')).map(({ value }) => value)).toEqual([20]);
  expect((await run('rows-of-a-day')).map(({ records, devices }) => [Number(records), Number(devices)])).toEqual([
    [3, 1],
  ]);
});

test('put-aside counts messages by client and reason', async () => {
  const message = { client: 'c', reason: 'undecodable', detail: 'x', bytes: 5, dt: DAY };
  await fill('aside', [message, message, { ...message, reason: 'not-allowed' }]);
  const rows = await run('put-aside');
  expect(rows.map(({ reason, messages, bytes }) => [reason, Number(messages), Number(bytes)])).toEqual([
    ['not-allowed', 1, 5],
    ['undecodable', 2, 10],
  ]);
});
