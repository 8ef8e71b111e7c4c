import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openKeyRing } from '../../adapters/embedded/key-file.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { PRODUCER } from '../../core/identity.ts';
import { scanBlocks } from '../../journal/block.ts';
import { createLogKeys } from '../../journal/key-ring.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { errorsOnly } from '../support/logger.ts';
import type { OpenConfig, Opened } from '../support/open-role.ts';
import { JOURNAL_WORKER } from '../support/paths.ts';
import { playRole, roleConfig } from '../support/processes.ts';

/** A process that finds a journal full of records, as after a restart: opens it, reads the first, then scans all. */
const { directory, maxBytes } = roleConfig<OpenConfig>();
const config = { producer: PRODUCER, maxBytes, localBytes: 0 };
const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
const empty = worker.journal(join(directory, '..', 'warm'), config);
await empty.open(); // the thread's start is not the journal's
await empty.close();

const rssBefore = process.memoryUsage.rss();
const start = performance.now();
const journal = worker.journal(directory, config);
const opening = await journal.open();
const openedAt = performance.now();
const oldest = opening.epochs[0]!;
const { available } = oldest.lanes[2]!;
const first = await journal.read({
  epoch: oldest.epoch,
  lane: 2,
  from: available[0]!.from,
  to: available[0]!.from + 2_000,
  maxRecords: 2_000,
  maxBytes: 512 * 1024,
});
const readAt = performance.now();
const rssAfter = process.memoryUsage.rss();
await journal.close();

const keys = createLogKeys(await openKeyRing(`${directory}.keys.json`, systemClock), PRODUCER, 'records');
const scanStart = performance.now();
let blocks = 0;
for (const name of readdirSync(directory)) {
  const match = /^records-(\d+)\.hwj$/.exec(name);
  if (match) blocks += scanBlocks(readFileSync(join(directory, name)), Number(match[1]), keys).blocks.length;
}
const scanMs = performance.now() - scanStart;
const opened: Opened = {
  openMs: openedAt - start,
  firstMs: readAt - start,
  scanMs,
  blocks,
  records: available.reduce((sum, { from, to }) => sum + to - from, 0),
  firstRecords: first.to - available[0]!.from,
  rssMore: rssAfter - rssBefore,
};
await playRole(
  opened,
  async () => opened,
  () => worker.close(),
);
