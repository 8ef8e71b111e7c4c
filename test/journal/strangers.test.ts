import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import { commitOf, readAll } from '../contracts/journal.ts';

const random = createSeededRandom(1n);

test.each([
  ['records-9999999999.hwj', 'empty'],
  ['records-4294967295.hwj', 'a copy'],
  ['records-0002000000.hwj', 'a copy'],
  ['forward-9999999999.hwj', 'empty'],
  ['letters-4294967295.hwj', 'a copy'],
  ['spare-9999999999.hwj', 'empty'],
])('%s (%s) is kept aside, and the journal opens as if it were not there', async (name, kind) => {
  const disk = createMemoryDisk();
  const keys = createMemoryKeyRing();
  const logger = createMemoryLogger();
  const journalOn = () =>
    createJournal({ disk, random, keys, logger, clock: createManualClock() }, { maxBytes: 1024 ** 2, localBytes: 0 });
  const journal = journalOn();
  const { epoch } = await journal.open();
  await journal.append(commitOf(2, [1, 2]));
  await journal.close();
  const content = kind === 'empty' ? Buffer.alloc(0) : Buffer.from(disk.files.get('records-0000000001.hwj')!);
  disk.files.set(name, content);
  const again = journalOn();
  await again.open();
  expect(disk.files.get(`aside-${name}`)).toEqual(content);
  expect(logger.lines.some(({ message }) => message === 'journal: what could not be read is kept aside')).toBe(true);
  expect(await again.append(commitOf(2, [3]))).toMatchObject({ ok: true });
  expect(await readAll(again, epoch, 2, 2)).toEqual({ values: [1, 2], missing: [] });
  expect([...disk.files.keys()].filter((one) => one.startsWith('records-')).sort()).toEqual([
    'records-0000000001.hwj',
    'records-0000000002.hwj',
  ]);
});
