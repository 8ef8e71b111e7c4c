import { PRODUCER } from '../../core/identity.ts';
import { startJournalWorker } from '../../journal/worker-client.ts';
import { errorsOnly } from '../support/logger.ts';
import { JOURNAL_WORKER } from '../support/paths.ts';
import { roleConfig } from '../support/processes.ts';
import { textRecords } from '../support/text-records.ts';

/** Commits records one by one, many at once, and tells of each that it is durable; until it is killed. */
const { directory, maxBytes } = roleConfig<{ directory: string; maxBytes: number }>();
const worker = startJournalWorker(JOURNAL_WORKER, errorsOnly);
const journal = worker.journal(directory, { producer: PRODUCER, maxBytes, localBytes: 0 });
const { epoch } = await journal.open();
process.send?.({ epoch });
const bytes = textRecords(10);
let acknowledged = 0;
const commit = async (): Promise<void> => {
  for (;;) {
    const result = await journal.append({ lanes: [{ lane: 2, count: 10, bytes }], state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
    acknowledged += 10;
    process.send?.({ acknowledged });
  }
};
await Promise.all(Array.from({ length: 20 }, commit));
