import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type JournalWorker, startJournalWorker } from '../journal/worker-client.ts';
import { type AppendSide, ourSide, type RateSide, rawSide, SETTLE_EVERY, sqliteSide } from './support/append-sides.ts';
import { dequeueOurs, dequeueSqlite, IN_FLIGHT } from './support/dequeue.ts';
import { median, megabytes, quantile, ratios, short, spread } from './support/figures.ts';
import { errorsOnly } from './support/logger.ts';
import { measureOpenings, OPENINGS, type Openings, openTable } from './support/openings.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { rawThreadSide } from './support/raw-thread-side.ts';
import type { Claim, PromiseKept, Section, Table } from './support/section.ts';
import { withFolder } from './support/temporary.ts';
import { wearOfOurs, wearOfSqlite } from './support/wear.ts';

const BATCHES = [1, 10, 100, 1_000];
const AGAINST_RAW = [0.8, 0.8, 0.8, 0.3];
/** At 100 and 1,000 records a commit. */
const APPEND_AGAINST_SQLITE = [undefined, undefined, 2, 2];
const DEQUEUE_AGAINST_SQLITE = { 100: 2, 1000: 4 };
/** Places among the sides: the journal is the first. */
const THREAD = 2;
const SQLITE = 3;
const ROUNDS = 7;
const CASE_MS = 400;
const DEQUEUES = 400;
const WEAR_ROUNDS = 3;
const PACED_PER_S = 1_000;
const PACED_MS = 2_000;
const PACED_ROUNDS = 5;

export const journal: Claim = { id: 'journal', title: 'The journal against write and fdatasync', run };

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
    const ours = await ourSide(worker, join(folder, 'appends'));
    const raw = rawSide(folder);
    const sqlite = sqliteSide(folder);
    const thread = rawThreadSide(folder);
    const sides = [ours, raw, thread, ...('side' in sqlite ? [sqlite.side] : [])];
    try {
      const appends = await measureAppends(sides);
      const dequeues = await measureDequeues(folder, worker, sqlite);
      const wears = await measureWears(folder, worker, sqlite);
      const delays = await measureDelays([ours, raw]);
      const openings = await measureOpenings(folder, worker);
      return sectionOf(
        sides,
        { appends, dequeues, wears, delays, openings },
        'leftOut' in sqlite ? sqlite.leftOut : undefined,
      );
    } finally {
      for (const side of sides) await side.close();
      await worker.close();
    }
  });
}

interface Measured {
  appends: Appends;
  dequeues: Dequeues;
  wears: Wears;
  delays: Delays;
  openings: readonly Openings[];
}

function sectionOf(
  sides: readonly RateSide[],
  { appends, dequeues, wears, delays, openings }: Measured,
  leftOut: string | undefined,
): Section {
  const against = (side: number): number[] =>
    BATCHES.map((_, batch) => median(ratios(rates(appends, 0, batch), rates(appends, side, batch))));
  const reached = against(1);
  const floor = BATCHES.map((_, batch) => median(ratios(rates(appends, THREAD, batch), rates(appends, 1, batch))));
  const delay = median(ratios(delays.of[0]!.map(p50), delays.of[1]!.map(p50)));
  const { queued, opened } = openings.at(-1)!;
  const open = median(opened.map(({ firstMs, scanMs }) => firstMs / scanMs));
  const rss = median(opened.map(({ rssMore }) => megabytes(rssMore)));
  const blocked = median(delays.blocked);
  return {
    says: `Durable appends reach ${reached.map(short).join(' / ')}× of bare write+fdatasync at ${BATCHES.join(' / ')} records a commit; at ${PACED_PER_S.toLocaleString('en-US')}/s a record is durable after ${short(delay)}× the bare p50; with ${queued.toLocaleString('en-US')} records queued the first is ready after ${short(open)}× the time of a full scan.`,
    method: `Records of 200 bytes; the journal runs in its worker thread as shipped, encrypting, and is called from this thread, one commit at a time; the baseline is ${sides[1]!.name}: the same number of bytes to one growing file, with nothing around them. Records are acknowledged to the journal as they go, ${SETTLE_EVERY} commits behind, so that it writes to segments used before, as a node does whose link is up; that work is in its figures. Beside it, what no journal in a thread of its own can beat: the same bytes over a file of zeros, flushed by a worker thread that does nothing else, for a number posted there and one back. better-sqlite3, in the calling thread: one row a record, a transaction a commit. Dequeue: records that were committed so many at a time are read so many at a time, ${IN_FLIGHT} such batches under way as in the product (the peer has one connection and one at a time), and each acknowledgement is flushed before another batch takes its place. Disk bytes: 80 MB of payload, spares and the forward log included; the lesser of what the process made dirty and what the device was given. A record a millisecond: each side on a timer of its own process. Blocked: how late the loop of the calling thread was meanwhile, idle loop subtracted. Opening: a fresh process each time, segments in the page cache; the scan reads every segment and checks every block in the same process.`,
    noise: `${ROUNDS} rounds of ${CASE_MS} ms a case in turns, ${PACED_ROUNDS} paced rounds of ${PACED_MS / 1_000} s in turns, ${OPENINGS} openings; median (smallest–largest); ratios round by round.`,
    tables: [
      appendTable(sides, appends),
      ...(dequeues.length > 0 ? [dequeueTable(dequeues)] : []),
      ...(wears.ours.length > 0 ? [wearTable(wears)] : []),
      delayTable(sides, delays),
      openTable(openings),
    ],
    caveats: [
      `a thread of its own, which keeps a slow flush off the readings, costs what the column beside the C program shows: it reaches ${floor.map(short).join(' / ')}× of the C program, and the journal cannot reach more; a commit a record is the dearest way to use it, and the product takes along all that arrived during the flush before.`,
      "what the file system writes for itself (its journal, the file's length) is in no count of bytes.",
      ...(leftOut === undefined ? [] : [`${leftOut}.`]),
    ],
    promises: [
      ...BATCHES.map((size, batch) =>
        least(`durable append, ${size} a commit, against write+fdatasync`, AGAINST_RAW[batch]!, reached[batch]!),
      ),
      ...sqlitePromises(sides.length > SQLITE ? against(SQLITE) : undefined, dequeues),
      wears.ours.length === 0
        ? { what: WEAR, promised: '≤ 1.6', reached: '–', kept: 'not measured yet' }
        : most(WEAR, 1.6, median(wears.ours), ''),
      most('enqueue → durable at 1,000/s, p50 against bare fdatasync', 2, delay, '×'),
      most('calling loop blocked at 1,000/s, p99', 2, blocked, ' ms'),
      most('open with 1M records queued, first delivery against the scan', 0.25, open, '×'),
      most('RSS added by that opening', 60, rss, ' MB'),
    ],
  };
}

const WEAR = 'disk bytes a payload byte, 100 a commit, acknowledged as they go';

function sqlitePromises(reached: readonly number[] | undefined, dequeues: Dequeues): PromiseKept[] {
  const append = BATCHES.flatMap((size, batch) => {
    const promised = APPEND_AGAINST_SQLITE[batch];
    const what = `durable append, ${size} a commit, against better-sqlite3 (WAL, FULL)`;
    if (promised === undefined) return [];
    return [reached ? least(what, promised, reached[batch]!) : unmeasured(what, promised)];
  });
  const dequeue = Object.entries(DEQUEUE_AGAINST_SQLITE).map(([size, promised]) => {
    const what = `dequeue and durable acknowledgement, ${size} at a time, against better-sqlite3`;
    const found = dequeues.find((one) => one.size === Number(size));
    return found ? least(what, promised, median(ratios(found.ours, found.sqlite))) : unmeasured(what, promised);
  });
  return [...append, ...dequeue];
}

const least = (what: string, promised: number, reached: number): PromiseKept => ({
  what,
  promised: `≥ ${promised}×`,
  reached: `${short(reached)}×`,
  kept: reached >= promised ? 'yes' : 'no',
});
const most = (what: string, promised: number, reached: number, unit: string): PromiseKept => ({
  what,
  promised: `≤ ${promised}${unit}`,
  reached: `${short(reached)}${unit}`,
  kept: reached <= promised ? 'yes' : 'no',
});
const unmeasured = (what: string, promised: number): PromiseKept => ({
  what,
  promised: `≥ ${promised}×`,
  reached: '–',
  kept: 'not measured yet',
});

/** Records a second by side, batch and round. */
type Appends = number[][][];

async function measureAppends(sides: readonly RateSide[]): Promise<Appends> {
  const results: Appends = sides.map(() => BATCHES.map(() => []));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [batch, size] of BATCHES.entries()) {
      for (const [index, side] of sides.entries()) {
        const appended = await side.run(size, CASE_MS);
        if (round >= 0) results[index]![batch]!.push(appended); // the first is for the compiler
      }
    }
    for (const side of sides) await side.clear();
  }
  return results;
}

const rates = (appends: Appends, side: number, batch: number): number[] => appends[side]![batch]!;

function appendTable(sides: readonly RateSide[], appends: Appends): Table {
  const names = sides.map(({ name }) => name);
  return {
    head: [
      'records a commit',
      ...names.map((name) => `${name}, records/s`),
      ...names.slice(1).map((name) => `journal ÷ ${name}`),
    ],
    rows: BATCHES.map((size, batch) => [
      size.toLocaleString('en-US'),
      ...sides.map((_, side) => spread(rates(appends, side, batch))),
      ...sides.slice(1).map((_, side) => spread(ratios(rates(appends, 0, batch), rates(appends, side + 1, batch)))),
    ]),
  };
}

/** Records a second by round; empty without the peer. */
type Dequeues = { size: number; ours: number[]; sqlite: number[] }[];

async function measureDequeues(
  folder: string,
  worker: JournalWorker,
  sqlite: ReturnType<typeof sqliteSide>,
): Promise<Dequeues> {
  if (!('database' in sqlite)) return [];
  const results: Dequeues = Object.keys(DEQUEUE_AGAINST_SQLITE).map((size) => ({
    size: Number(size),
    ours: [],
    sqlite: [],
  }));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { size, ...rounds } of results) {
      const ours = await dequeueOurs(worker, join(folder, `dequeue-${size}-${round}`), size, DEQUEUES);
      const theirs = dequeueSqlite(sqlite.database, size, DEQUEUES);
      if (round < 0) continue;
      rounds.ours.push(ours);
      rounds.sqlite.push(theirs);
    }
  }
  return results;
}

const dequeueTable = (dequeues: Dequeues): Table => ({
  head: ['dequeued and acknowledged at a time', 'journal, records/s', 'better-sqlite3, records/s', 'ratio'],
  rows: dequeues.map(({ size, ours, sqlite }) => [
    size.toLocaleString('en-US'),
    spread(ours),
    spread(sqlite),
    spread(ratios(ours, sqlite)),
  ]),
});

/** Disk bytes a payload byte by round; empty where the system or the peer does not tell. */
interface Wears {
  ours: number[];
  sqlite: number[];
}

async function measureWears(
  folder: string,
  worker: JournalWorker,
  sqlite: ReturnType<typeof sqliteSide>,
): Promise<Wears> {
  const wears: Wears = { ours: [], sqlite: [] };
  for (let round = 0; round < WEAR_ROUNDS; round++) {
    const ours = await wearOfOurs(worker, join(folder, `wear-${round}`));
    if (ours !== undefined) wears.ours.push(ours);
    const theirs = 'database' in sqlite ? wearOfSqlite(sqlite.database, folder) : undefined;
    if (theirs !== undefined) wears.sqlite.push(theirs);
  }
  return wears;
}

const wearTable = ({ ours, sqlite }: Wears): Table => ({
  head: ['100 records a commit, acknowledged as they go', 'disk bytes a payload byte'],
  rows: [['journal', spread(ours)], ...(sqlite.length > 0 ? [['better-sqlite3 (WAL, FULL)', spread(sqlite)]] : [])],
});

interface Delays {
  /** ms, one a record, by side and round. */
  of: number[][][];
  /** p99 of how late this thread's loop was while the journal was called, ms more than while it was idle. */
  blocked: number[];
}

async function measureDelays(sides: readonly AppendSide[]): Promise<Delays> {
  const delays: Delays = { of: sides.map(() => []), blocked: [] };
  for (let round = 0; round < PACED_ROUNDS; round++) {
    const idle = await lateness(() => new Promise<void>((resolve) => setTimeout(resolve, PACED_MS)));
    for (const [index, side] of sides.entries()) {
      const late = await lateness(async () => {
        delays.of[index]!.push(await side.paced(PACED_PER_S, PACED_MS));
      });
      if (index === 0) delays.blocked.push(Math.max(0, late - idle));
      await side.clear();
    }
  }
  return delays;
}

/** p99 of the delay of the event loop while a task runs, ms. */
async function lateness(task: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await task();
  delay.disable();
  return delay.percentile(99) / 1e6;
}

const p50 = (delays: readonly number[]): number => quantile(delays, 0.5);
const p99 = (delays: readonly number[]): number => quantile(delays, 0.99);

const delayTable = (sides: readonly RateSide[], { of, blocked }: Delays): Table => ({
  head: [
    `enqueue → durable at ${PACED_PER_S.toLocaleString('en-US')}/s`,
    'p50, ms',
    'p99, ms',
    'loop late, p99, ms more than idle',
  ],
  rows: [
    ...of.map((rounds, side) => [
      side === 0 ? 'journal, from the calling thread' : sides[side]!.name,
      spread(rounds.map(p50)),
      spread(rounds.map(p99)),
      side === 0 ? spread(blocked) : '–',
    ]),
    ['ratio', spread(ratios(of[0]!.map(p50), of[1]!.map(p50))), spread(ratios(of[0]!.map(p99), of[1]!.map(p99))), '–'],
  ],
});
