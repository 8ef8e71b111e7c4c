import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryDisk } from '../../adapters/memory/disk.ts';
import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { LANES } from '../../core/priority.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createJournal } from '../../journal/journal.ts';
import { commitOf, readAll } from '../contracts/journal/harness.ts';

const PER_COMMIT = 200;
const LAST_OF_FIRST_SEGMENT = 3;

test('what was carried on is read from its new place when the disk fails in the middle of giving the old one back', async () => {
  const disk = createMemoryDisk();
  let failsAfterRemoval = false;
  const gone: string[] = [];
  const faulty = {
    ...disk,
    rename(from: string, to: string) {
      disk.rename(from, to);
      if (failsAfterRemoval && from.startsWith('records-')) gone.push(from);
    },
    remove(name: string) {
      disk.remove(name);
      if (failsAfterRemoval && name.startsWith('records-')) gone.push(name);
    },
    syncDirectory() {
      if (gone.length > 0) throw Object.assign(new Error('I/O error'), { code: 'EIO' });
      return disk.syncDirectory();
    },
  };
  const journal = createJournal(
    {
      disk: faulty,
      clock: createManualClock(),
      random: createSeededRandom(1n),
      logger: createMemoryLogger(),
      keys: createMemoryKeyRing(),
    },
    { producer: 'sense', maxBytes: 256 * 1024, localBytes: 0 },
  );
  const { epoch } = await journal.open();
  let taken = 0;
  const append = async () => {
    const result = await journal.append(
      commitOf(
        2,
        Array.from({ length: PER_COMMIT }, (_, index) => taken + index),
      ),
    );
    taken += PER_COMMIT;
    return result;
  };
  await append();
  await journal.settle([{ epoch, lane: 2, from: LAST_OF_FIRST_SEGMENT, to: PER_COMMIT, fate: 'delivered' }]);
  failsAfterRemoval = true;
  while (gone.length === 0) await append().catch(() => undefined);
  expect(gone).toEqual(['records-0000000001.hwj']);
  const { values, missing } = await readAll(journal, epoch, LANES[2]!, LAST_OF_FIRST_SEGMENT);
  expect({ values, missing }).toEqual({ values: [0, 1, 2], missing: [] });
});
