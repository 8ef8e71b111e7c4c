import { expect } from '@jest/globals';
import { finished } from '../../../core/lane-fates.ts';
import type { Lane } from '../../../core/priority.ts';
import { addRange, countOf, type RangeSet } from '../../../core/ranges.ts';
import type { Commit, Journal, JournalOpening } from '../../../journal/journal-port.ts';
import { createRecordWriter, type JournalRecord, readRecords } from '../../../journal/record-codec.ts';

export interface JournalHarness {
  /** A journal on the same directory as before; the one opened earlier was closed or killed. */
  start(config?: { maxBytes?: number; localBytes?: number }): Journal;
  dispose(): Promise<void>;
}

export const record = (series: number, value: number): JournalRecord => ({
  series,
  ts: 1_700_000_000_000 + value,
  value,
  quality: 'good',
  clock: 'synced',
});

export function commitOf(lane: 0 | 1 | 2 | 3 | 4, values: readonly number[], state: Commit['state'] = {}): Commit {
  const writer = createRecordWriter();
  for (const value of values) writer.push(record(7, value));
  return {
    lanes: values.length > 0 ? [{ lane, count: values.length, bytes: writer.bytes() }] : [],
    state,
    clockOffsetMs: 0,
  };
}

/** All values of a lane's range, reading in steps; and what is missing. */
export async function readAll(journal: Journal, epoch: string, lane: Lane, to: number, step = 7, start = 0) {
  const values: number[] = [];
  let missing: RangeSet = [];
  for (let from = start; from < to; ) {
    const result = await journal.read({ epoch, lane, from, to, maxRecords: step, maxBytes: 1e6 });
    expect(result.to).toBeGreaterThan(from);
    for (const part of result.parts) {
      for (const { record: found } of readRecords(part.bytes)) values.push(found.value as number);
    }
    for (const hole of result.missing) missing = addRange(missing, hole);
    from = result.to;
  }
  return { values, missing };
}

/** Runs a test on a harness of its own. */
export type Within = (run: (harness: JournalHarness) => Promise<void>) => Promise<void>;

export function waitingOf(opening: JournalOpening, of: Lane): number {
  return opening.epochs.reduce((sum, { epoch, lanes }) => {
    const fates = opening.fates.lanes[`${epoch}/${of}`];
    return sum + lanes[of]!.end - countOf(fates ? finished(fates) : []);
  }, 0);
}
