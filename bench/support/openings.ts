import { join } from 'node:path';
import { PRODUCER } from '../../core/identity.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import { MAX_BYTES } from './append-sides.ts';
import { megabytes, spread } from './figures.ts';
import { type Opened, openOnce } from './open-role.ts';
import type { Table } from './section.ts';
import { textRecords } from './text-records.ts';

/** Records waiting; the promises are about the last. */
export const QUEUED = [200_000, 1_000_000];
export const OPENINGS = 5;
const QUEUED_BATCH = 1_000;

/** The openings of one journal. */
export interface Openings {
  queued: number;
  opened: Opened[];
}

/** Fills journals with records, then opens each, every time in a process of its own. */
export async function measureOpenings(folder: string, worker: JournalWorker): Promise<Openings[]> {
  const all: Openings[] = [];
  for (const queued of QUEUED) all.push({ queued, opened: await measureOne(folder, worker, queued) });
  return all;
}

async function measureOne(folder: string, worker: JournalWorker, queued: number): Promise<Opened[]> {
  const directory = join(folder, `queued-${queued}`);
  const bytes = textRecords(QUEUED_BATCH);
  const own = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
  await own.open();
  for (let count = 0; count < queued; count += QUEUED_BATCH) {
    const lanes = [{ lane: 2 as const, count: QUEUED_BATCH, bytes }];
    const result = await own.append({ lanes, state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
  }
  await own.close();
  const openings: Opened[] = [];
  for (let round = 0; round < OPENINGS; round++) {
    const opened = await openOnce({ directory, maxBytes: MAX_BYTES });
    if (opened.records !== queued || opened.firstRecords === 0)
      throw new Error(`opened with ${opened.records} of ${queued} records, ${opened.firstRecords} read`);
    openings.push(opened);
  }
  return openings;
}

export const openTable = (openings: readonly Openings[]): Table => ({
  head: ['records queued', 'open, ms', 'open → first records, ms', 'full scan, ms', 'first ÷ scan', 'RSS added, MB'],
  rows: openings.map(({ queued, opened }) => {
    const of = (figure: 'openMs' | 'firstMs' | 'scanMs'): string => spread(opened.map((one) => one[figure]));
    return [
      queued.toLocaleString('en-US'),
      of('openMs'),
      of('firstMs'),
      of('scanMs'),
      spread(opened.map(({ firstMs, scanMs }) => firstMs / scanMs)),
      spread(opened.map(({ rssMore }) => megabytes(rssMore))),
    ];
  }),
});
