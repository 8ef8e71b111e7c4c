import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { commitOf, journalContract, readAll } from '../contracts/journal.ts';

const bundle = new URL('../../dist/journal-worker.js', import.meta.url);

/** Its keys lie beside the journal. */
const remove = (directory: string): void => {
  rmSync(directory, { recursive: true });
  rmSync(`${directory}.keys.json`);
};

journalContract('in its worker, on a real directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-journal-'));
  const worker = startJournalWorker(bundle, createMemoryLogger());
  return {
    start: (config) => worker.journal(directory, { maxBytes: 64 * 1024 ** 2, localBytes: 8 * 1024 ** 2, ...config }),
    dispose: async () => {
      await worker.close();
      remove(directory);
    },
  };
});

test('commits that are offered while one is under way are kept too, in their order', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-journal-'));
  const worker = startJournalWorker(bundle, createMemoryLogger());
  try {
    const journal = worker.journal(directory, { maxBytes: 64 * 1024 ** 2, localBytes: 0 });
    const { epoch } = await journal.open();
    const results = await Promise.all([1, 2, 3, 4].map((value) => journal.append(commitOf(2, [value], { value }))));
    expect(results.map((result) => result.ok && result.lanes[0]!.first)).toEqual([0, 1, 2, 3]);
    expect((await readAll(journal, epoch, 2, 4)).values).toEqual([1, 2, 3, 4]);
    await journal.close();
    expect((await journal.open()).state).toEqual({ value: 4 });
  } finally {
    await worker.close();
    remove(directory);
  }
});

test('a commit that is offered when the worker has ended is refused', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-journal-'));
  const worker = startJournalWorker(bundle, createMemoryLogger());
  const journal = worker.journal(directory, { maxBytes: 64 * 1024 ** 2, localBytes: 0 });
  await journal.open();
  await worker.close();
  await expect(journal.append(commitOf(2, [2]))).rejects.toThrow('journal worker is closed');
  remove(directory);
});
