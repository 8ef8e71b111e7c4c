import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { fatesOf, isClosed, type Outcome } from '../../core/lane-fates.ts';
import type { DiskFile } from '../../core/ports.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import type { BurialResult, Journal } from '../../journal/journal-port.ts';
import { commitOf } from '../contracts/journal.ts';

const DEAD_LETTER_BYTES = 8 * 1024;
const random = createSeededRandom(1n);
const keys = createMemoryKeyRing();
const journalOn = (disk: MemoryDisk) =>
  createJournal(
    { disk, random, keys, clock: createManualClock(), logger: createMemoryLogger() },
    { maxBytes: 1024 ** 2, localBytes: 0, deadLetterBytes: DEAD_LETTER_BYTES },
  );
const letterBytesOn = (disk: MemoryDisk): number =>
  [...disk.files].reduce((sum, [name, { length }]) => (name.startsWith('letters-') ? sum + length : sum), 0);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

async function bury(journal: Journal, epoch: string, from: number, to: number): Promise<BurialResult> {
  const range = { epoch, lane: 3 as const, from, to };
  const result = await journal.bury({ ...range, reason: 'no-answer', attempts: 3 });
  const dead = result.buried.map((one): Outcome => ({ ...range, ...one, fate: 'dead-lettered', reason: 'no-answer' }));
  await journal.settle(dead);
  return result;
}

test('a letter larger than the share of all keeps its newest records; of the others it is said that they are gone', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(600)));
  await journal.append(commitOf(3, numbers(600)));
  const { buried, unkept } = await bury(journal, epoch, 0, 1_200);
  expect(buried).toEqual([{ from: 0, to: 1_200 }]);
  expect(letterBytesOn(disk)).toBeLessThanOrEqual(DEAD_LETTER_BYTES);
  const [letter, ...others] = await journal.deadLetters();
  expect(others).toEqual([]);
  expect(letter!.to).toBe(1_200);
  expect(letter!.from).toBeLessThan(1_200);
  expect(unkept).toEqual([{ from: 0, to: letter!.from }]);
  expect(await journal.exhume([letter!.id])).toMatchObject([{ from: letter!.from, to: 1_200, fate: 'replayed' }]);
});

test('letters that make way for newer ones are named to whoever buries', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(600)));
  const results: BurialResult[] = [];
  for (let from = 0; from < 600; from += 100) results.push(await bury(journal, epoch, from, from + 100));
  expect(letterBytesOn(disk)).toBeLessThanOrEqual(DEAD_LETTER_BYTES);
  const kept = await journal.deadLetters();
  const discarded = results.flatMap((result) => result.discarded);
  expect(discarded.length).toBeGreaterThan(0);
  expect(discarded.length + kept.length).toBe(6);
  expect(discarded[0]).toEqual({ epoch, lane: 3, from: 0, to: 100, fate: 'discarded' });
});

test('a crash before the want of room was noted: the next opening notes it, and the epoch can end', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append({ ...commitOf(3, ['x'.repeat(9_000)] as never), state: {} });
  expect(await bury(journal, epoch, 0, 1)).toMatchObject({ unkept: [{ from: 0, to: 1 }] });
  await journal.close();
  const again = journalOn(disk);
  const fates = fatesOf((await again.open()).fates, epoch, 3);
  expect(fates.discarded).toEqual([{ from: 0, to: 1 }]);
  expect(isClosed({ ...fates, stated: [{ from: 0, to: 1 }] })).toBe(true);
});

test('a disk that fails in the middle of a replay: the letter stays one, and can be replayed later', async () => {
  const disk = createMemoryDisk();
  let failing = false;
  const journal = journalOn({
    ...disk,
    create(name) {
      if (failing && name.startsWith('records-')) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
      return faulty(disk.create(name) as DiskFile, name);
    },
    open: (name) => faulty(disk.open(name) as DiskFile, name),
  });
  const faulty = (file: DiskFile, name: string): DiskFile => ({
    ...file,
    write(offset, bytes) {
      if (failing && name.startsWith('records-')) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
      return file.write(offset, bytes);
    },
  });
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(10)));
  await bury(journal, epoch, 0, 10);
  const [letter] = await journal.deadLetters();
  failing = true;
  await expect(journal.exhume([letter!.id])).rejects.toThrow('I/O error');
  failing = false;
  expect(await journal.deadLetters()).toEqual([letter]);
  expect(await journal.exhume([letter!.id])).toMatchObject([{ from: 0, to: 10, fate: 'replayed' }]);
});
