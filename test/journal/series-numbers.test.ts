import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createSeriesTable } from '../../greengrass-components/sense/series.ts';
import { BLOCK_HEADER_BYTES, findBlocks } from '../../journal/block.ts';
import { createJournal } from '../../journal/journal.ts';
import { segmentFile } from '../../journal/segment-files.ts';
import { commitOf } from '../contracts/journal.ts';
import { nodePlan, streamPlan } from '../helpers/edge-node.ts';

let seed = 1n;
const journalOn = (disk: MemoryDisk, keys = createMemoryKeyRing()) =>
  createJournal(
    {
      disk,
      clock: createManualClock(),
      random: createSeededRandom(seed++),
      logger: createMemoryLogger(),
      keys,
    },
    { maxBytes: 1024 ** 2, localBytes: 0 },
  );

function rot(disk: MemoryDisk, segment: number, block: number): void {
  const file = disk.files.get(segmentFile('records', segment))!;
  const spot = findBlocks(file, segment).find((one) => one.block === block)!.offset + BLOCK_HEADER_BYTES;
  file[spot] = file[spot]! ^ 1;
}

/** Of a stream that is new to the directory. */
const numberOfNewcomer = (opening: Parameters<typeof createSeriesTable>[1]): number =>
  createSeriesTable(nodePlan([streamPlan('newcomer')]), opening).numbersOf('newcomer')[0]!;

const naming = { 'series/7': ['machine-1', 'level'] };

test('both commits that named a series rot: its number is not given to another, now or after more starts', async () => {
  const disk = createMemoryDisk();
  const journal = journalOn(disk);
  await journal.open();
  await journal.append({ ...commitOf(2, [1], naming), series: 8 });
  await journal.append({ ...commitOf(2, [2], naming), series: 8 });
  await journal.append(commitOf(2, [3]));
  await journal.close();
  rot(disk, 1, 1);
  rot(disk, 1, 2);
  for (let start = 0; start < 3; start++) {
    const again = journalOn(disk);
    const opening = await again.open();
    expect(opening.state).toEqual({});
    expect(numberOfNewcomer(opening)).toBe(8);
    await again.close();
  }
});

test('every head rots: what was carried on, and a dead letter, still know', async () => {
  for (const keep of ['carried', 'letter'] as const) {
    const disk = createMemoryDisk();
    const keys = createMemoryKeyRing();
    const journal = journalOn(disk, keys);
    const { epoch } = await journal.open();
    await journal.append({ ...commitOf(3, [1], naming), series: 8 });
    const range = { epoch, lane: 3 as const, from: 0, to: 1 };
    await journal.bury({ ...range, reason: 'no-answer', attempts: 1 });
    await journal.settle([{ ...range, fate: 'dead-lettered', reason: 'no-answer' }]);
    const [letter] = await journal.deadLetters();
    if (keep === 'carried') {
      await journal.rotateKeys(); // another segment
      await journal.exhume([letter!.id]);
    }
    await journal.close();
    const heads = [...disk.files.keys()].flatMap((name) => /^records-(\d+)/.exec(name)?.[1] ?? []).map(Number);
    for (const number of heads) rot(disk, number, 0);
    rot(disk, 1, 1);
    const again = journalOn(disk, keys);
    expect(numberOfNewcomer(await again.open())).toBe(8);
  }
});
