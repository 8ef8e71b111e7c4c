import { join } from 'node:path';
import { PRODUCER } from '../../core/identity.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import { MAX_BYTES } from './append-sides.ts';
import { megabytes, spread } from './figures.ts';
import { type Opened, openOnce } from './open-role.ts';
import type { Table } from './section.ts';
import { textRecords } from './text-records.ts';

export const QUEUED = 1_000_000;
export const OPENINGS = 5;
const QUEUED_BATCH = 1_000;

/** Fills a journal with a million records, then opens it, each time in a process of its own. */
export async function measureOpenings(folder: string, worker: JournalWorker): Promise<Opened[]> {
  const directory = join(folder, 'queued');
  const bytes = textRecords(QUEUED_BATCH);
  const own = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
  await own.open();
  for (let count = 0; count < QUEUED; count += QUEUED_BATCH) {
    const lanes = [{ lane: 2 as const, count: QUEUED_BATCH, bytes }];
    const result = await own.append({ lanes, state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
  }
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

export const openTable = (openings: readonly Opened[]): Table => {
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
