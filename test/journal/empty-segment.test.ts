import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import { commitOf, readAll } from '../contracts/journal.ts';
import { createFaultyDisk } from '../helpers/faulty-disk.ts';

/** A journal of which a segment got its head and nothing else: the disk was full for the first commit in it. */
async function journalWithEmptySegment() {
  const disk = createFaultyDisk();
  const logger = createMemoryLogger();
  const journal = createJournal(
    { disk, logger, keys: createMemoryKeyRing(), clock: createManualClock(), random: createSeededRandom(1n) },
    { maxBytes: 1024 ** 2, localBytes: 0 },
  );
  const { epoch } = await journal.open();
  expect((await journal.append(commitOf(2, [1, 2]))).ok).toBe(true);
  await journal.rotateKeys();
  const empty = [...disk.files.keys()].filter((name) => name.startsWith('records-')).at(-1)!;
  disk.failure = (call, name) => (call === 'write' && name === empty ? 'ENOSPC' : undefined);
  expect((await journal.append(commitOf(2, [3]))).ok).toBe(false);
  disk.failure = () => undefined;
  for (const value of [3, 4]) {
    expect((await journal.append(commitOf(2, [value]))).ok).toBe(true);
    await journal.rotateKeys();
  }
  return { journal, epoch, disk, empty, logger };
}

test('a segment whose first commit failed is in no way of what lies on both sides of it', async () => {
  const { journal, epoch, disk, empty } = await journalWithEmptySegment();
  expect(disk.files.delete(empty)).toBe(true); // nobody looks into it
  expect(await readAll(journal, epoch, 2, 4)).toEqual({ values: [1, 2, 3, 4], missing: [] });
  const buried = await journal.bury({ epoch, lane: 2, from: 0, to: 4, reason: 'no-answer', attempts: 6 });
  expect(buried.buried).toEqual([{ from: 0, to: 4 }]);
});

test('a segment whose first commit failed counts while it is there, and is given back', async () => {
  const { journal, epoch, disk, empty, logger } = await journalWithEmptySegment();
  const onDisk = (): number => [...disk.files.values()].reduce((sum, { length }) => sum + length, 0);
  expect((await journal.status()).bytes).toBe(onDisk());
  await journal.settle([{ epoch, lane: 2, from: 0, to: 2, fate: 'delivered' }]);
  expect(disk.files.has(empty)).toBe(false);
  expect((await journal.status()).bytes).toBe(onDisk());
  expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});
