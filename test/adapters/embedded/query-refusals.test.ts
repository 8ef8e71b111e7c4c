import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openQueryEngine } from '../../../adapters/embedded/query-engine.ts';
import { envelopeOf, START_MS } from '../../helpers/envelopes.ts';
import { bundle, type QueryBench, reasonOf, rowsOf, withEngine } from '../../helpers/query-bench.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { changeOf } from '../../helpers/store-change.ts';
import { openStore, withDirectory } from '../../helpers/stores.ts';

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
