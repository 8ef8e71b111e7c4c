import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { journalContract } from '../contracts/journal.ts';

const bundle = new URL('../../dist/journal-worker.js', import.meta.url);

journalContract('in its worker, on a real directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headwater-journal-'));
  const worker = startJournalWorker(bundle, createMemoryLogger());
  return {
    start: (config) => worker.journal(directory, { maxBytes: 64 * 1024 ** 2, localBytes: 8 * 1024 ** 2, ...config }),
    dispose: async () => {
      await worker.close();
      rmSync(directory, { recursive: true });
    },
  };
});
