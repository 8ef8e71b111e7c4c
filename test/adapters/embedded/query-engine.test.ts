import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { envelopeOf, recordAt } from '../../helpers/envelopes.ts';
import { type QueryBench, rowsOf, withEngine } from '../../helpers/query-bench.ts';
import { changeOf } from '../../helpers/store-change.ts';

/** One engine for the tables of queries, none of which should leave anything behind. */
let shared: QueryBench;
let finish: () => void;
let finished: Promise<void>;
beforeAll(
  () =>
    new Promise<void>((ready) => {
      finished = withEngine((bench) => {
        shared = bench;
        ready();
        return new Promise((resolve) => {
          finish = resolve;
        });
      });
    }),
);
afterAll(async () => {
  finish();
  await finished;
});

describe('answers', () => {
  test('records are seen staged, sealed, and both at once, each once', () =>
    withEngine(async ({ store, engine }) => {
      const sql = 'SELECT position, value FROM records ORDER BY position';
      expect(await rowsOf(engine, sql)).toEqual([]);
      await store.commit(changeOf(envelopeOf(0, 2)));
      expect(await rowsOf(engine, sql)).toEqual([
        [0, 0],
        [1, 0.1],
      ]);
      await store.seal();
      await store.commit(changeOf(envelopeOf(2, 3), 1));
      expect(await rowsOf(engine, sql)).toEqual([
        [0, 0],
        [1, 0.1],
        [2, 0.2],
      ]);
    }));

  test('columns of rows: those of a record and its day', () =>
    withEngine(async ({ store, engine }) => {
      await store.commit(changeOf(envelopeOf(0, 1, { records: [recordAt(0, { value: 'running' })] })));
      const result = await engine.query('FROM records');
      expect(result).toMatchObject({ ok: true, truncated: false });
      if (!result.ok) return;
      expect(result.columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
        ...['site VARCHAR', 'node VARCHAR', 'device VARCHAR', 'stream VARCHAR', 'ts TIMESTAMP', 'value DOUBLE'],
        ...[
          'text VARCHAR',
          'samples DOUBLE[]',
          'quality VARCHAR',
          'clock VARCHAR',
          'lane INTEGER',
          'producer VARCHAR',
          'epoch VARCHAR',
        ],
        ...['position BIGINT', 'stored_at TIMESTAMP', 'dt DATE'],
      ]);
      const row = Object.fromEntries(result.columns.map(({ name }, index) => [name, result.rows[0]![index]]));
      expect(row).toMatchObject({ text: 'running', value: null, ts: '2025-01-01 00:00:00', dt: '2025-01-01' });
    }));

  test('the snapshot is reused while nothing changed, and only one is kept', () =>
    withEngine(async ({ directory, store, engine }) => {
      await rowsOf(engine, 'SELECT count(*) FROM records');
      await rowsOf(engine, 'SELECT count(*) FROM records');
      expect(await readdir(join(directory, 'snapshots'))).toEqual(['staged-1.parquet']);
      await store.commit(changeOf(envelopeOf(0, 1)));
      expect(await rowsOf(engine, 'SELECT count(*) FROM records')).toEqual([[1]]);
      expect(await readdir(join(directory, 'snapshots'))).toEqual(['staged-2.parquet']);
    }));

  test('streams joins units to records', () =>
    withEngine(async ({ store, engine }) => {
      await store.commit(changeOf(envelopeOf(0, 2)));
      const sql = 'SELECT max(value), any_value(unit) FROM records JOIN streams USING (node, stream)';
      expect(await rowsOf(engine, sql)).toEqual([[0.1, '°C']]);
    }));

  test.each([
    ['SELECT 9007199254740991::BIGINT, 9007199254740992::BIGINT, 7::UTINYINT', [[2 ** 53 - 1, '9007199254740992', 7]]],
    ["SELECT 1.50::DECIMAL(9,2), 'nan'::DOUBLE, NULL, true", [['1.50', 'NaN', null, true]]],
    ["SELECT [1, 2], {'a': 1}, 'x'::BLOB, MAP {1: 2}", [['[1, 2]', "{'a': 1}", 'x', '{1=2}']]],
    [
      "SELECT TIMESTAMP '2025-01-01 00:00:00.5', 7 / 2, current_setting IS NULL FROM (SELECT 1 AS current_setting)",
      [['2025-01-01 00:00:00.5', 3, false]],
    ],
    ['SELECT 1 AS a, 2 AS a; ', [[1, 2]]],
    ['SELECT 1 -- the end', [[1]]],
    ['WITH t AS (SELECT unnest([3, 1, 2]) AS x) SELECT x FROM t ORDER BY x DESC', [[3], [2], [1]]],
    ['VALUES (1), (2)', [[1], [2]]],
    ['SELECT sum(range) FROM range(10)', [[45]]],
  ])('%s', async (sql, rows) => expect(await rowsOf(shared.engine, sql)).toEqual(rows));

  test('DESCRIBE and SHOW TABLES tell what there is', () =>
    withEngine(async ({ engine }) => {
      await rowsOf(engine, 'SELECT 1');
      expect(await rowsOf(engine, 'SHOW TABLES')).toEqual([['records'], ['streams']]);
      expect((await rowsOf(engine, 'DESCRIBE streams')).map(([name]) => name)).toEqual([
        'node',
        'stream',
        'kind',
        'unit',
        'priority',
      ]);
    }));

  test('more rows than allowed are left out, and it says so', () =>
    withEngine(
      async ({ engine }) => {
        expect(await engine.query('SELECT range FROM range(5) ORDER BY 1 DESC')).toMatchObject({
          rows: [[4], [3], [2]],
          truncated: true,
        });
        expect(await engine.query('SELECT range FROM range(3)')).toMatchObject({ truncated: false });
      },
      { maxRows: 3 },
    ));

  test('more bytes than allowed are left out, and it says so', () =>
    withEngine(
      async ({ engine }) => {
        const result = await engine.query("SELECT 'xxxxxxxxxxxxxxxx' FROM range(100)");
        expect(result).toMatchObject({ ok: true, truncated: true });
        expect(JSON.stringify(result.ok && result.rows).length).toBeLessThan(1_100);
      },
      { maxResultBytes: 1_000 },
    ));
});
