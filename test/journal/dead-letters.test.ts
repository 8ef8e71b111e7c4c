import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { deadLettersOf, fatesOf, isClosed, type Outcome } from '../../core/lane-fates.ts';
import type { Disk, DiskFile } from '../../core/ports.ts';
import { countOf, rangeSetOf, subtract } from '../../core/ranges.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import type { BurialResult, Journal, JournalOpening } from '../../journal/journal-port.ts';
import { commitOf, readAll } from '../contracts/journal.ts';
import { createCrashableDisk } from '../helpers/crashes.ts';
import { createFaultyDisk } from '../helpers/faulty-disk.ts';
import { copyOf } from './damaged-journal.ts';

const DEAD_LETTER_BYTES = 8 * 1024;
const random = createSeededRandom(1n);
const keys = createMemoryKeyRing();
const journalOn = (disk: Disk, deadLetterBytes = DEAD_LETTER_BYTES) =>
  createJournal(
    { disk, random, keys, clock: createManualClock(), logger: createMemoryLogger() },
    { maxBytes: 1024 ** 2, localBytes: 0, deadLetterBytes },
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

/** Whether the records can be read: those that wait from the queue, those that are dead from their letters. */
async function expectKept(journal: Journal, epoch: string, opening: JournalOpening, to: number): Promise<void> {
  const fates = fatesOf(opening.fates, epoch, 3);
  expect(fates.discarded).toEqual([]);
  const dead = deadLettersOf(fates);
  const inLetters = (await journal.deadLetters()).map(({ from, to: end }) => ({ from, to: end }));
  expect(rangeSetOf(inLetters)).toEqual(dead);
  for (const { from, to: end } of subtract([{ from: 0, to }], dead)) {
    expect((await readAll(journal, epoch, 3, end, 1_000, from)).missing).toEqual([]);
  }
}

test('whatever a crash leaves of a replay, the records wait or are dead letters: none is gone', async () => {
  const disk = createCrashableDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(20)));
  await bury(journal, epoch, 0, 10);
  await bury(journal, epoch, 10, 20);
  const letters = await journal.deadLetters();
  const states = await disk.crashesDuring(() => journal.exhume(letters.map(({ id }) => id)));
  const came = new Set<number>();
  for (const state of states) {
    const again = journalOn(createMemoryDisk(copyOf(state)));
    const opening = await again.open();
    await expectKept(again, epoch, opening, 20);
    came.add(countOf(deadLettersOf(fatesOf(opening.fates, epoch, 3))));
  }
  expect([...came].sort()).toEqual([0, 10, 20]);
});

test.each(['write', 'sync'] as const)(
  'a replay that could not be noted (%s): told as a failure, the letter is one still, here and after a restart',
  async (failing) => {
    const disk = createFaultyDisk();
    const journal = journalOn(disk);
    const { epoch } = await journal.open();
    await journal.append(commitOf(3, numbers(10)));
    await bury(journal, epoch, 0, 10);
    const [letter] = await journal.deadLetters();
    disk.failure = (call, name) => (call === failing && name.startsWith('forward-') ? 'EIO' : undefined);
    await expect(journal.exhume([letter!.id])).rejects.toThrow('EIO');
    expect(await journal.deadLetters()).toEqual([letter]);
    disk.failure = () => undefined;
    // Whatever is noted next must not bring back what was not done.
    await journal.noteFarSide('far', 'hub');
    const again = journalOn(createMemoryDisk(copyOf(disk.files)));
    const opening = await again.open();
    expect(await again.deadLetters()).toEqual([letter]);
    await expectKept(again, epoch, opening, 10);
    expect(await journal.exhume([letter!.id])).toMatchObject([{ from: 0, to: 10, fate: 'replayed' }]);
    expect(await journal.deadLetters()).toEqual([]);
    expect(await readAll(journal, epoch, 3, 10)).toEqual({ values: numbers(10), missing: [] });
  },
);

test('what could not be noted as discarded is not told as such, and can be discarded or replayed later', async () => {
  const disk = createFaultyDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(10)));
  await bury(journal, epoch, 0, 10);
  const [letter] = await journal.deadLetters();
  disk.failure = (call, name) => (call === 'sync' && name.startsWith('forward-') ? 'EIO' : undefined);
  await expect(journal.discard([letter!.id])).rejects.toThrow('EIO');
  disk.failure = () => undefined;
  expect(await journal.exhume([letter!.id])).toMatchObject([{ from: 0, to: 10, fate: 'replayed' }]);
  await journal.close();
  const again = journalOn(disk);
  const opening = await again.open();
  await expectKept(again, epoch, opening, 10);
});

test('a replay is told of even if the files of its letters cannot be removed', async () => {
  const disk = createFaultyDisk();
  const journal = journalOn(disk);
  const { epoch } = await journal.open();
  await journal.append(commitOf(3, numbers(10)));
  await bury(journal, epoch, 0, 10);
  const [letter] = await journal.deadLetters();
  disk.failure = (call, name) => (call === 'remove' && name.startsWith('letters-') ? 'EIO' : undefined);
  expect(await journal.exhume([letter!.id])).toMatchObject([{ from: 0, to: 10, fate: 'replayed' }]);
  expect(await journal.deadLetters()).toEqual([]);
  disk.failure = () => undefined;
  await journal.close();
  const again = journalOn(disk);
  const opening = await again.open();
  expect(letterBytesOn(disk)).toBe(0);
  await expectKept(again, epoch, opening, 10);
});

test('no letter makes way in vain: where the whole directory has no room for the new one, the old ones stay', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk, 100_000);
  const { epoch } = await journal.open();
  const roots = (count: number): number[] => numbers(count).map((value) => Math.sqrt(value + 0.5));
  for (let count = 0; count < 5; count++) await journal.append(commitOf(3, roots(1_000)));
  // With the small one gone the share would do.
  await bury(journal, epoch, 0, 400);
  await bury(journal, epoch, 400, 2_300);
  const before = await journal.deadLetters();
  expect(before).toHaveLength(2);
  while ((await journal.append(commitOf(0, roots(300)))).ok); // critical records fill the directory
  const burial = await journal.bury({ epoch, lane: 0, from: 0, to: 1_980, reason: 'no-answer', attempts: 3 });
  expect(burial).toMatchObject({ discarded: [], unkept: [{ from: 0, to: 1_980 }] });
  expect(await journal.deadLetters()).toEqual(before);
});
