import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { openQueryEngine, type QueryEngine } from '../../../adapters/embedded/query-engine.ts';
import { residentBytesOf } from '../../../adapters/embedded/resident-bytes.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';
import { until } from '../../helpers/hub-rig.ts';
import { changeOf } from '../../helpers/store-change.ts';
import { openStore, withDirectory } from '../../helpers/stores.ts';

const MIB = 1024 ** 2;
const bundle = new URL('../../../dist/query-process.js', import.meta.url);
const onLinux = process.platform === 'linux' ? test : test.skip;

/** Text of some 3 MB, which the memory limit allows. */
const long = (factor: number): string => `(SELECT string_agg((range * ${factor})::VARCHAR, ',') FROM range(400000))`;
const LEVENSHTEIN = `SELECT levenshtein(${long(7)}, ${long(11)})`;
const HEX = `SELECT length(${'hex('.repeat(10)}${long(1)}${')'.repeat(10)})`;

/** Queries that take gigabytes whatever memory_limit says, or that interrupt() does not stop. */
const ESCAPES: [name: string, sql: string][] = [
  [
    'replace in replace',
    `SELECT length(replace(replace(${long(1)}, '1', '${'1'.repeat(60)}'), '1', '${'x'.repeat(60)}'))`,
  ],
  ['hex in hex', HEX],
  ['doubling', `SELECT length(list_reduce(string_split('${'a,'.repeat(40)}a', ','), lambda a, b: a || a))`],
  ['bitstring', "SELECT bit_count(bitstring('01', 2000000000))"],
  ['levenshtein', LEVENSHTEIN],
];

interface Bench {
  engine: QueryEngine;
  logger: ReturnType<typeof createMemoryLogger>;
}

const withEngine = (run: (bench: Bench) => Promise<void>, timeoutMs = 700, url = bundle): Promise<void> =>
  withDirectory(async (directory) => {
    const logger = createMemoryLogger();
    const store = await openStore(directory);
    await store.commit(changeOf(envelopeOf(0, 2)));
    const engine = await openQueryEngine(
      { source: store, logger, bundle: url },
      { snapshotFolder: join(directory, 'query'), streams: [], timeoutMs, memoryBytes: 128 * MIB },
    );
    try {
      await run({ engine, logger });
    } finally {
      await engine.close();
      await store.close();
    }
  });

const countOf = async (engine: QueryEngine): Promise<unknown> => {
  const result = await engine.query('SELECT count(*) FROM records');
  return result.ok ? result.rows : result;
};

/** Processes for queries that this one started and that have not ended. */
const queryProcesses = (): number[] =>
  readdirSync('/proc/self/task')
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'latin1').trim().split(' '))
    .filter((pid) => pid !== '' && residentBytesOf(Number(pid)) > 0)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('query-process.js'))
    .map(Number);

/** Most memory in use at a time while this ran, beyond what was in use before. */
async function growthDuring(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 10);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  return most - before;
}

describe('a query that escapes the limits of DuckDB', () => {
  test.each(ESCAPES)('%s: ends, the hub does not grow, the next query works', (_, sql) =>
    withEngine(async ({ engine, logger }) => {
      expect(await countOf(engine)).toEqual([[2]]);
      const growth = await growthDuring(async () => {
        expect(await engine.query(sql)).toMatchObject({
          ok: false,
          reason: expect.stringMatching(/^too-(slow|much-memory)$/),
        });
      });
      expect(growth).toBeLessThan(100 * MIB);
      expect(await countOf(engine)).toEqual([[2]]);
      expect(logger.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
    }),
  );

  onLinux('memory is seen long before the time is over', () =>
    withEngine(async ({ engine }) => {
      const detail = `more than ${128 * MIB} bytes, the memory allowed`;
      expect(await engine.query(HEX)).toEqual({ ok: false, reason: 'too-much-memory', detail });
    }, 60_000),
  );

  onLinux('closing does not wait for it, nor for those behind it', () =>
    withEngine(async ({ engine }) => {
      await countOf(engine);
      const results = [engine.query(LEVENSHTEIN), engine.query('SELECT 1')];
      await until('the query runs', () => residentBytesOf(queryProcesses()[0]) > 110 * MIB);
      const begun = performance.now();
      await engine.close();
      expect(performance.now() - begun).toBeLessThan(1_000);
      const stopping = { ok: false, reason: 'busy', detail: 'the hub is stopping' };
      expect(await Promise.all(results)).toEqual([stopping, stopping]);
      expect(await engine.query('SELECT 1')).toEqual(stopping);
    }, 60_000),
  );
});

describe('the process', () => {
  onLinux('starts with the first query, once, and ends with the engine', () =>
    withEngine(async ({ engine }) => {
      expect(queryProcesses()).toEqual([]);
      await countOf(engine);
      const [pid, ...more] = queryProcesses();
      expect(more).toEqual([]);
      await countOf(engine);
      expect(queryProcesses()).toEqual([pid]);
      await engine.close();
      expect(queryProcesses()).toEqual([]);
    }),
  );

  test('hands over each number as it is', () =>
    withEngine(async ({ engine }) => {
      expect(
        await engine.query("SELECT '-0.0'::DOUBLE, 0.0::DOUBLE, 5e-324::DOUBLE, 1.7976931348623157e308"),
      ).toMatchObject({ rows: [[-0, 0, 5e-324, 1.7976931348623157e308]] });
    }));

  onLinux('is given no environment, and no file of the store', () =>
    withEngine(async ({ engine }) => {
      await countOf(engine);
      const [pid] = queryProcesses();
      const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').filter(Boolean);
      expect(variables.filter((entry) => !/^(NODE_CHANNEL_|LD_LIBRARY_PATH=)/.test(entry))).toEqual([]);
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      expect(open.filter((path) => path.includes('hub.duckdb'))).toEqual([]);
    }),
  );

  onLinux('that somebody ends is replaced; its query is answered', () =>
    withEngine(async ({ engine, logger }) => {
      await countOf(engine);
      const running = engine.query(LEVENSHTEIN);
      await until('the query runs', () => residentBytesOf(queryProcesses()[0]) > 110 * MIB);
      process.kill(queryProcesses()[0]!, 'SIGSEGV');
      expect(await running).toEqual({
        ok: false,
        reason: 'invalid',
        detail: 'it ended the process that runs queries (SIGSEGV)',
      });
      expect(await countOf(engine)).toEqual([[2]]);
      expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    }, 60_000),
  );

  onLinux('does not end by the Ctrl-C that the whole group hears', () =>
    withEngine(async ({ engine }) => {
      await countOf(engine);
      const [pid] = queryProcesses();
      process.kill(pid!, 'SIGINT');
      process.kill(pid!, 'SIGTERM');
      expect(await countOf(engine)).toEqual([[2]]);
      expect(queryProcesses()).toEqual([pid]);
    }),
  );

  test('that does not start makes queries busy', () =>
    withEngine(
      async ({ engine }) => {
        const reason = 'the process that runs queries did not start: exit 1';
        expect(await countOf(engine)).toEqual({ ok: false, reason: 'busy', detail: reason });
      },
      700,
      new URL('./nothing.js', bundle),
    ));

  onLinux('ends with the hub, even in a query that cannot be interrupted', () =>
    withDirectory(async (directory) => {
      const setup = { folders: [directory], streams: [], timeoutMs: 60_000, memoryBytes: 128 * MIB };
      const script = `
        const child = require('node:child_process').fork(${JSON.stringify(fileURLToPath(bundle))});
        child.on('message', (reply) => {
          if (!reply.ready) return;
          child.send({ sql: ${JSON.stringify(LEVENSHTEIN)} });
          console.log(child.pid);
        });
        child.send({ setup: ${JSON.stringify(setup)} });`;
      const hub = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(hub.stdout, 'data')) as [Buffer];
      const pid = Number(line);
      await until('the query runs', () => residentBytesOf(pid) > 110 * MIB);
      hub.kill('SIGKILL');
      await until('the process has ended', () => residentBytesOf(pid) === 0, 2_000);
    }),
  );
});
