import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import { commitOf, readAll } from '../contracts/journal.ts';

const random = createSeededRandom(1n);
const journalOn = (disk: MemoryDisk, maxBytes: number) =>
  createJournal(
    { disk, random, clock: createManualClock(), logger: createMemoryLogger(), keys: createMemoryKeyRing() },
    { maxBytes, localBytes: 0 },
  );
const segmentsOf = (disk: MemoryDisk): number =>
  [...disk.files.keys()].filter((name) => name.startsWith('records-')).length;
const bytesOn = (disk: MemoryDisk): number => [...disk.files.values()].reduce((sum, { length }) => sum + length, 0);

/** Starts so often, each dies after one record of lane 0; the process is never closed. */
async function crashLoop(disk: MemoryDisk, starts: number, maxBytes: number): Promise<string[]> {
  const epochs: string[] = [];
  for (let start = 0; start < starts; start++) {
    const journal = journalOn(disk, maxBytes);
    epochs.push((await journal.open()).epoch);
    expect(await journal.append(commitOf(0, [start], { start }))).toMatchObject({ ok: true });
  }
  return epochs;
}

test('a crash loop with a record a start: few segments, as few bytes, and every record is there', async () => {
  const disk = createMemoryDisk();
  const epochs = await crashLoop(disk, 300, 64 * 1024 ** 2);
  expect(segmentsOf(disk)).toBeLessThan(16);
  expect(bytesOn(disk)).toBeLessThan(300 * 70 * 5);
  const journal = journalOn(disk, 64 * 1024 ** 2);
  expect((await journal.open()).enqueued).toEqual([300, 0, 0, 0]);
  for (const [start, epoch] of epochs.entries()) {
    expect(await readAll(journal, epoch, 0, 1)).toEqual({ values: [start], missing: [] });
  }
});

test('a small quota takes more starts than it has room for heads', async () => {
  const disk = createMemoryDisk();
  await crashLoop(disk, 400, 256 * 1024);
  expect(bytesOn(disk)).toBeLessThan(192 * 1024);
}, 60_000);
