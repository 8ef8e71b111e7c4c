import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PRODUCER } from '../../core/identity.ts';
import type { Journal } from '../../journal/journal-port.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import { packageFile } from './paths.ts';
import { compile, findSqlite, type SqliteDatabase } from './peers.ts';
import { openRawFile } from './raw-file.ts';
import { textRecords } from './text-records.ts';

/** One way to make records durable, a commit at a time. */
export interface RateSide {
  name: string;
  /** Commits batches of so many records for so long; records a second. */
  run(size: number, ms: number): Promise<number>;
  /** Forgets what was appended, so that the next case finds a small disk. */
  clear(): Promise<void>;
  close(): Promise<void>;
}
export interface AppendSide extends RateSide {
  /** Commits one record so many times a second; gives the delay of each, ms. */
  paced(perSecond: number, ms: number): Promise<number[]>;
}

const execute = promisify(execFile);
export const MAX_BYTES = 2 * 1024 ** 3;
/** Commits whose records are settled together while others are appended, as delivery does it. */
export const SETTLE_EVERY = 50;
const RAW_SOURCE = packageFile('bench/support/raw-append.c');

/** The journal in its worker, as shipped, called from this thread; its records are delivered as they go. */
export async function ourSide(worker: JournalWorker, directory: string): Promise<AppendSide & { journal: Journal }> {
  const journal = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
  const { epoch } = await journal.open();
  let end = 0;
  let settled = 0;
  let commits = 0;
  const settle = (): Promise<void> => {
    const from = settled;
    settled = end;
    return journal.settle([{ epoch, lane: 2, from, to: end, fate: 'delivered' }]);
  };
  const append = async (size: number, bytes: Uint8Array): Promise<void> => {
    const result = await journal.append({ lanes: [{ lane: 2, count: size, bytes }], state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
    end += size;
    if (++commits % SETTLE_EVERY === 0) void settle();
  };
  return {
    name: 'journal',
    journal,
    run: (size, ms) => timed(size, ms, append),
    paced: (perSecond, ms) => atPace(perSecond, ms, () => append(1, textRecords(1))),
    clear: settle,
    close: () => journal.close(),
  };
}

/** write and fdatasync in a C program; in this thread where there is no compiler. */
export function rawSide(folder: string): AppendSide {
  const compiled = compile(fileURLToPath(RAW_SOURCE), join(folder, 'raw-append'));
  const path = join(folder, 'raw');
  if (!compiled.ok) return rawSideInNode(path);
  const call = async (...args: (string | number)[]): Promise<string> =>
    (await execute(compiled.peer, [path, ...args.map(String)], { maxBuffer: 64 * 1024 ** 2 })).stdout;
  return {
    name: 'write+fdatasync in C',
    async run(size, ms) {
      const bytes = textRecords(size).length;
      const [commits, ns] = (await call('rate', bytes, ms)).split(' ').map(Number) as [number, number];
      return (commits * size * 1e9) / ns;
    },
    async paced(perSecond, ms) {
      const out = await call('paced', textRecords(1).length, perSecond, (perSecond * ms) / 1_000);
      return out
        .trimEnd()
        .split('\n')
        .map((ns) => Number(ns) / 1e6);
    },
    clear: async () => undefined,
    close: async () => undefined,
  };
}

function rawSideInNode(path: string): AppendSide {
  return {
    name: 'write+fdatasync in Node (no C compiler here)',
    async run(size, ms) {
      const raw = openRawFile(path);
      const appended = await timed(size, ms, async (_size, bytes) => raw.append(bytes));
      raw.close();
      return appended;
    },
    async paced(perSecond, ms) {
      const raw = openRawFile(path);
      const delays = await atPace(perSecond, ms, async () => raw.append(textRecords(1)));
      raw.close();
      return delays;
    },
    clear: async () => undefined,
    close: async () => undefined,
  };
}

/** One row a record; a transaction a commit. Undefined = why it is left out. */
export function sqliteSide(folder: string): { side: AppendSide; database: SqliteDatabase } | { leftOut: string } {
  const found = findSqlite();
  if (!found.ok) return { leftOut: found.reason };
  const database = found.peer(join(folder, 'queue.db'));
  database.exec('CREATE TABLE queue (id INTEGER PRIMARY KEY, record BLOB)');
  const insert = database.prepare('INSERT INTO queue (record) VALUES (?)');
  const record = Buffer.from(textRecords(1));
  const commit = database.transaction((size: number) => {
    for (let index = 0; index < size; index++) insert.run(record);
  });
  const side: AppendSide = {
    name: 'better-sqlite3 (WAL, FULL)',
    run: (size, ms) => timed(size, ms, async () => commit(size)),
    paced: (perSecond, ms) => atPace(perSecond, ms, async () => commit(1)),
    async clear() {
      database.exec('DELETE FROM queue');
      database.pragma('wal_checkpoint(TRUNCATE)');
    },
    close: async () => void database.close(),
  };
  return { side, database };
}

/** Commits batches of so many records for so long; records a second. */
export async function timed(
  size: number,
  ms: number,
  once: (size: number, bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const bytes = textRecords(size);
  const start = performance.now();
  let commits = 0;
  let now = start;
  for (; now - start < ms; now = performance.now()) {
    await once(size, bytes);
    commits++;
  }
  return (commits * size * 1_000) / (now - start);
}

/** Calls so many times a second whether or not earlier calls have ended; gives what each took. */
async function atPace(perSecond: number, ms: number, once: () => Promise<void>): Promise<number[]> {
  const delays: number[] = [];
  const calls: Promise<void>[] = [];
  const total = (perSecond * ms) / 1_000;
  const start = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1_000));
      while (calls.length < due) {
        const begun = performance.now();
        calls.push(once().then(() => void delays.push(performance.now() - begun)));
      }
      if (calls.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(calls);
  return delays;
}
