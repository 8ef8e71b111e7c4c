import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DuckDbStore } from '../../../adapters/embedded/duckdb-store.ts';
import {
  openQueryEngine,
  type QueryConfig,
  type QueryEngine,
  type StreamRow,
} from '../../../adapters/embedded/query-engine.ts';
import { envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { changeOf } from '../../helpers/store-change.ts';
import { openStore, withDirectory } from '../../helpers/stores.ts';

const bundle = new URL('../../../dist/query-process.js', import.meta.url);

const STREAMS: StreamRow[] = [
  { node: 'node-a', stream: 'temperature', kind: 'number', unit: '°C', priority: 'normal' },
  { node: 'node-a', stream: 'state', kind: 'text', unit: null, priority: 'high' },
];

interface Bench {
  directory: string;
  store: DuckDbStore;
  engine: QueryEngine;
}

const withEngine = (run: (bench: Bench) => Promise<void>, over: Partial<QueryConfig> = {}): Promise<void> =>
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

const rowsOf = async (engine: QueryEngine, sql: string) => {
  const result = await engine.query(sql);
  if (!result.ok) throw new Error(`${result.reason}: ${result.detail}`);
  return result.rows;
};
const reasonOf = async (engine: QueryEngine, sql: string) => {
  const result = await engine.query(sql);
  return result.ok ? 'answered' : result.reason;
};

/** One engine for the tables of queries, none of which should leave anything behind. */
let shared: Bench;
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

describe('refusals', () => {
  test.each([
    ["SELECT * FROM read_text('/etc/passwd')", 'refused'],
    ["SELECT * FROM '/etc/passwd'", 'refused'],
    ["SELECT * FROM read_csv('/etc/passwd')", 'refused'],
    ["SELECT * FROM glob('/etc/*')", 'refused'],
    ["SELECT * FROM sniff_csv('/etc/passwd')", 'refused'],
    ["SELECT * FROM /* x */ READ_TEXT('/etc/passwd')", 'refused'],
    ["SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')", 'refused'],
    ["SELECT (SELECT max(content) FROM read_text('/etc/passwd'))", 'refused'],
    ["WITH t AS (FROM read_text('/etc/passwd')) FROM t", 'refused'],
    ["DESCRIBE SELECT * FROM read_text('/etc/passwd')", 'refused'],
    ["COPY (SELECT 1) TO '/tmp/headwater-evil.csv'", 'not-a-select'],
    ["EXPORT DATABASE '/tmp/headwater-evil'", 'not-a-select'],
    ['SELECT 1; SELECT 2', 'several-statements'],
    ["SELECT 1; COPY (SELECT 1) TO 'x.csv'", 'not-a-select'],
    ["ATTACH '/tmp/headwater-evil.db'", 'not-a-select'],
    ['SET threads = 1', 'not-a-select'],
    ["SET allowed_directories = ['/']", 'not-a-select'],
    ['PRAGMA version', 'not-a-select'],
    ['INSTALL httpfs', 'not-a-select'],
    ['LOAD httpfs', 'not-a-select'],
    ['CREATE TABLE t (a INT)', 'not-a-select'],
    ['DROP VIEW records', 'not-a-select'],
    ['INSERT INTO streams VALUES (1, 2, 3, 4, 5)', 'not-a-select'],
    ['CALL force_checkpoint()', 'not-a-select'],
    ['EXPLAIN SELECT 1', 'not-a-select'],
    ["SELECT * FROM enable_logging('QueryLog', storage => 'file')", 'refused'],
    ['SELECT * FROM duckdb_settings()', 'refused'],
    ['SELECT * FROM duckdb_secrets()', 'refused'],
    ['SELECT * FROM duckdb_views', 'refused'],
    ['SELECT * FROM information_schema.tables', 'refused'],
    ["SELECT current_setting('allowed_directories')", 'refused'],
    ["SELECT getenv('HOME')", 'refused'],
    ["SELECT json_serialize_plan('SELECT current_setting(''allowed_directories'')', optimize := true)", 'refused'],
    ["SELECT JSON_serialize_sql('SELECT 1')", 'refused'],
    ["SELECT json_deserialize_sql('{}')", 'refused'],
    ["SELECT json_execute_serialized_sql('{}')", 'refused'],
    ['SELECT current_query()', 'refused'],
    ["SELECT length(repeat('x', 4000000000))", 'refused'],
    ["SELECT ('x').Repeat(4000000000)", 'refused'],
    ['SELECT len(range(1000000000))', 'refused'],
    ['SELECT string_agg(range::VARCHAR) FROM range(400000)', 'invalid'],
    ['SELECT', 'invalid'],
    ['', 'invalid'],
    [' ; ', 'invalid'],
    ['SELEKT 1', 'invalid'],
    ['SELECT $1', 'invalid'],
    ['SELECT nothing FROM records', 'invalid'],
    ['SELECT 1) AS q, (SELECT 2', 'invalid'],
    ['SELECT list(range) FROM range(100000000)', 'too-much-memory'],
  ])('%s: %s', async (sql, reason) => expect(await reasonOf(shared.engine, sql)).toBe(reason));

  test('a query nested too deeply', () =>
    withEngine(async ({ engine }) => {
      expect(await reasonOf(engine, `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`)).toBe('invalid');
      expect(await reasonOf(engine, `SELECT ${'1+'.repeat(20_000)}1`)).toBe('invalid');
    }));

  test('nothing writes or reads inside the folder that holds the files', () =>
    withEngine(async ({ store, engine }) => {
      await store.commit(changeOf(envelopeOf(0, 1)));
      await store.seal();
      const secret = join(store.cold, 'dt=2025-01-01', 'unnamed.parquet');
      await writeFile(secret, 'not named by the database');
      const before = await readdir(store.cold, { recursive: true });
      for (const sql of [
        `COPY (SELECT 1) TO '${store.cold}/evil.csv'`,
        `SELECT * FROM enable_logging(storage => 'file', storage_path => '${store.cold}')`,
        `SELECT * FROM read_blob('${secret}')`,
        `SELECT * FROM '${secret}'`,
        `SELECT * FROM read_parquet('${store.cold}/*/*.parquet')`,
      ]) {
        expect(await reasonOf(engine, sql)).toMatch(/^(refused|not-a-select)$/);
      }
      expect(await readdir(store.cold, { recursive: true })).toEqual(before);
    }));

  test.each([
    'WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT count(*) FROM t WHERE a < 0',
    'SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1',
  ])('a query that never ends is interrupted: %s', (sql) =>
    withEngine(
      async ({ engine }) => {
        expect(await engine.query(sql)).toEqual({
          ok: false,
          reason: 'too-slow',
          detail: 'interrupted after 150 ms, the time allowed',
        });
        expect(await rowsOf(engine, 'SELECT 1')).toEqual([[1]]);
      },
      { timeoutMs: 150 },
    ),
  );

  test('more queries than may wait are refused at once', () =>
    withEngine(
      async ({ engine }) => {
        const results = await Promise.all([1, 2, 3, 4].map(() => engine.query('SELECT 1')));
        expect(results.map((result) => (result.ok ? 'answered' : result.reason))).toEqual([
          ...['answered', 'answered', 'answered'],
          'busy',
        ]);
        expect(await reasonOf(engine, 'SELECT 1')).toBe('answered');
      },
      { maxWaiting: 2 },
    ));

  test('commits go on while a query runs, and closing ends it', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      const snapshotFolder = join(directory, 'snapshots');
      await mkdir(snapshotFolder);
      await writeFile(join(snapshotFolder, 'of-a-crash.parquet'), '');
      const engine = await openQueryEngine(
        { source: store, logger: silentLogger, bundle },
        { snapshotFolder, streams: [], timeoutMs: 60_000, memoryBytes: 128 * 1024 ** 2 },
      );
      expect(await readdir(snapshotFolder)).toEqual([]);
      const endless = engine.query(
        'SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = -1',
      );
      await store.commit(changeOf(envelopeOf(0, 2), 0, { storedAtMs: START_MS }));
      expect((await store.size()).rows).toBe(2);
      await engine.close();
      expect((await endless).ok).toBe(false);
      expect(await readdir(directory)).not.toContain('snapshots');
      await store.close();
    }));
});
