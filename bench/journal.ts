import { join } from 'node:path';
import type { Journal } from '../journal/journal-port.ts';
import { type JournalWorker, startJournalWorker } from '../journal/worker-client.ts';
import { diskBytesWritten } from './support/disk-writes.ts';
import { median, megabytes, quantile, ratios, short, spread } from './support/figures.ts';
import { errorsOnly } from './support/logger.ts';
import { type Opened, openOnce } from './support/open-role.ts';
import { JOURNAL_WORKER } from './support/paths.ts';
import { openRawFile } from './support/raw-file.ts';
import type { Claim, PromiseKept, Section, Table } from './support/section.ts';
import { withFolder } from './support/temporary.ts';
import { textRecords } from './support/text-records.ts';

const BATCHES = [1, 10, 100, 1_000];
const PROMISED = [0.8, 0.8, 0.8, 0.3];
const ROUNDS = 5;
const CASE_MS = 400;
const PACED_PER_S = 1_000;
const PACED_MS = 2_000;
const PACED_ROUNDS = 3;
const QUEUED = 1_000_000;
const QUEUED_BATCH = 1_000;
const OPENINGS = 5;
const MAX_BYTES = 2 * 1024 ** 3;

export const journal: Claim = { id: 'journal', title: 'The journal against write and fdatasync', run };

async function run(): Promise<Section> {
  return withFolder(async (folder) => {
    const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
    try {
      const appends = await measureAppends(folder, worker);
      const delays = await measureDelays(folder, worker);
      const openings = await measureOpenings(folder, worker);
      return sectionOf(appends, delays, openings);
    } finally {
      await worker.close();
    }
  });
}

function sectionOf(appends: readonly Appends[], delays: Delays, openings: readonly Opened[]): Section {
  const reached = appends.map(({ ours, raw }) => median(ratios(ours.rates, raw.rates)));
  const delay = median(ratios(delays.ours.map(p50), delays.raw.map(p50)));
  const open = median(openings.map(({ firstMs, scanMs }) => firstMs / scanMs));
  const rss = median(openings.map(({ rssMore }) => megabytes(rssMore)));
  const atHundred = appends[BATCHES.indexOf(100)]!;
  const wear = atHundred.ours.pages.length === 0 ? undefined : median(atHundred.ours.pages);
  return {
    says: `Durable appends reach ${reached.map(short).join(' / ')}× of bare write+fdatasync at ${BATCHES.join(' / ')} records a commit; at ${PACED_PER_S.toLocaleString('en-US')}/s a record is durable after ${short(delay)}× the bare p50; with ${QUEUED.toLocaleString('en-US')} records queued the first is ready after ${short(open)}× the time of a full scan.`,
    method: `Records of 200 bytes; the journal runs in its worker thread as shipped and is called from this thread, one commit at a time; the baseline writes the same record bytes to one growing file and calls fdatasync in this thread, with nothing around them. A record a millisecond: each side on the same timer. Opening: a fresh process each time, segments in the page cache; the scan reads every segment and checks every block in the same process.`,
    noise: `${ROUNDS} rounds of ${CASE_MS} ms a case in turns, ${PACED_ROUNDS} paced rounds of ${PACED_MS / 1_000} s in turns, ${OPENINGS} openings; median (smallest–largest); ratios round by round.`,
    tables: [appendTable(appends), delayTable(delays), openTable(openings)],
    caveats: ["what the file system writes for itself (its journal, the file's length) is in neither count of bytes."],
    promises: [
      ...BATCHES.map((size, index) =>
        promise(`durable append, ${size} a commit, against write+fdatasync`, PROMISED[index]!, reached[index]!),
      ),
      {
        what: 'disk bytes a payload byte, 100 a commit',
        promised: '≤ 1.6',
        reached: wear === undefined ? '–' : short(wear),
        kept: wear === undefined ? 'not measured yet' : wear <= 1.6 ? 'yes' : 'no',
      },
      limit('enqueue → durable at 1,000/s, p50 against bare fdatasync', 2, delay, '×'),
      limit('open with 1M records queued, first delivery against the scan', 0.25, open, '×'),
      limit('RSS added by that opening', 60, rss, ' MB'),
      { what: 'appends against better-sqlite3 (WAL, FULL)', promised: '≥ 2×', reached: '–', kept: 'not measured yet' },
    ],
  };
}

const promise = (what: string, least: number, reached: number): PromiseKept => ({
  what,
  promised: `≥ ${least}×`,
  reached: `${short(reached)}×`,
  kept: reached >= least ? 'yes' : 'no',
});
const limit = (what: string, most: number, reached: number, unit: string): PromiseKept => ({
  what,
  promised: `≤ ${most}${unit}`,
  reached: `${short(reached)}${unit}`,
  kept: reached <= most ? 'yes' : 'no',
});

interface Side {
  /** Records a second. */
  rates: number[];
  /** Bytes in the file a payload byte. */
  file: number[];
  /** Bytes of dirtied pages a payload byte; empty where the system does not tell. */
  pages: number[];
}
interface Appends {
  ours: Side;
  raw: Side;
}

async function measureAppends(folder: string, worker: JournalWorker): Promise<Appends[]> {
  const results = BATCHES.map((): Appends => ({ ours: noSide(), raw: noSide() }));
  const own = await openJournal(worker, join(folder, 'appends'));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, size] of BATCHES.entries()) {
      const bytes = textRecords(size);
      const raw = openRawFile(join(folder, 'raw'));
      const bare = await oneCase(size, bytes, async () => raw.append(bytes));
      raw.close();
      const before = (await own.status()).written;
      const ours = await oneCase(size, bytes, () => append(own, size, bytes));
      const written = (await own.status()).written - before;
      if (round < 0) continue; // for the compiler
      note(results[index]!.raw, bare, 1);
      note(results[index]!.ours, ours, written / ours.payload);
    }
    // Everything so far has its fate: segments are recycled, the disk stays small.
    await settleAll(own);
  }
  await own.close();
  return results;
}

const noSide = (): Side => ({ rates: [], file: [], pages: [] });
const appended = new WeakMap<Journal, { epoch: string; end: number }>();

async function openJournal(worker: JournalWorker, directory: string): Promise<Journal> {
  const own = worker.journal(directory, { maxBytes: MAX_BYTES, localBytes: 0 });
  appended.set(own, { epoch: (await own.open()).epoch, end: 0 });
  return own;
}

async function append(own: Journal, count: number, bytes: Uint8Array): Promise<void> {
  const result = await own.append({ lanes: [{ lane: 2, count, bytes }], state: {}, clockOffsetMs: 0 });
  if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
  appended.get(own)!.end += count;
}

async function settleAll(own: Journal): Promise<void> {
  const { epoch, end } = appended.get(own)!;
  await own.settle([{ epoch, lane: 2, from: 0, to: end, fate: 'delivered' }]);
}

interface OneCase {
  rate: number;
  payload: number;
  pages: number | undefined;
}

async function oneCase(size: number, bytes: Uint8Array, once: () => Promise<void>): Promise<OneCase> {
  const pagesBefore = diskBytesWritten();
  const start = performance.now();
  let commits = 0;
  let now = start;
  for (; now - start < CASE_MS; now = performance.now()) {
    await once();
    commits++;
  }
  const payload = commits * bytes.length;
  const pages = pagesBefore === undefined ? undefined : (diskBytesWritten()! - pagesBefore) / payload;
  return { rate: (commits * size * 1_000) / (now - start), payload, pages };
}

function note(side: Side, { rate, pages }: OneCase, file: number): void {
  side.rates.push(rate);
  side.file.push(file);
  if (pages !== undefined) side.pages.push(pages);
}

const appendTable = (appends: readonly Appends[]): Table => ({
  head: [
    'records a commit',
    'journal, records/s',
    'write+fdatasync, records/s',
    'journal ÷ bare',
    'file bytes a payload byte',
    'disk bytes a payload byte (whole pages), journal',
    'bare',
  ],
  rows: appends.map(({ ours, raw }, index) => [
    BATCHES[index]!.toLocaleString('en-US'),
    spread(ours.rates),
    spread(raw.rates),
    spread(ratios(ours.rates, raw.rates)),
    short(median(ours.file)),
    ours.pages.length === 0 ? '–' : spread(ours.pages),
    raw.pages.length === 0 ? '–' : spread(raw.pages),
  ]),
});

/** ms, one a record, by round. */
interface Delays {
  ours: number[][];
  raw: number[][];
}

async function measureDelays(folder: string, worker: JournalWorker): Promise<Delays> {
  const bytes = textRecords(1);
  const own = await openJournal(worker, join(folder, 'delays'));
  const delays: Delays = { ours: [], raw: [] };
  for (let round = 0; round < PACED_ROUNDS; round++) {
    const raw = openRawFile(join(folder, 'raw'));
    delays.raw.push(await paced(async () => raw.append(bytes)));
    raw.close();
    delays.ours.push(await paced(() => append(own, 1, bytes)));
    await settleAll(own);
  }
  await own.close();
  return delays;
}

/** Calls so many times a second whether or not earlier calls have ended; gives what each took. */
async function paced(once: () => Promise<void>): Promise<number[]> {
  const delays: number[] = [];
  const calls: Promise<void>[] = [];
  const total = (PACED_PER_S * PACED_MS) / 1_000;
  const start = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - start) * PACED_PER_S) / 1_000));
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

const p50 = (delays: readonly number[]): number => quantile(delays, 0.5);
const p99 = (delays: readonly number[]): number => quantile(delays, 0.99);

const delayTable = ({ ours, raw }: Delays): Table => ({
  head: [`enqueue → durable at ${PACED_PER_S.toLocaleString('en-US')}/s`, 'p50, ms', 'p99, ms'],
  rows: [
    ['journal, from the calling thread', spread(ours.map(p50)), spread(ours.map(p99))],
    ['write+fdatasync in this thread', spread(raw.map(p50)), spread(raw.map(p99))],
    ['ratio', spread(ratios(ours.map(p50), raw.map(p50))), spread(ratios(ours.map(p99), raw.map(p99)))],
  ],
});

async function measureOpenings(folder: string, worker: JournalWorker): Promise<Opened[]> {
  const directory = join(folder, 'queued');
  const bytes = textRecords(QUEUED_BATCH);
  const own = await openJournal(worker, directory);
  for (let count = 0; count < QUEUED; count += QUEUED_BATCH) await append(own, QUEUED_BATCH, bytes);
  await own.close();
  const openings: Opened[] = [];
  for (let round = 0; round < OPENINGS; round++) {
    const opened = await openOnce({ directory, maxBytes: MAX_BYTES });
    if (opened.records !== QUEUED || opened.firstRecords === 0)
      throw new Error(`opened with ${opened.records} of ${QUEUED} records, ${opened.firstRecords} read`);
    openings.push(opened);
  }
  return openings;
}

const openTable = (openings: readonly Opened[]): Table => {
  const of = (figure: 'openMs' | 'firstMs' | 'scanMs'): string => spread(openings.map((one) => one[figure]));
  return {
    head: ['records queued', 'open, ms', 'open → first records, ms', 'full scan, ms', 'first ÷ scan', 'RSS added, MB'],
    rows: [
      [
        QUEUED.toLocaleString('en-US'),
        of('openMs'),
        of('firstMs'),
        of('scanMs'),
        spread(openings.map(({ firstMs, scanMs }) => firstMs / scanMs)),
        spread(openings.map(({ rssMore }) => megabytes(rssMore))),
      ],
    ],
  };
};
