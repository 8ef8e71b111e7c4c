import { closeSync, fdatasyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../core/forward/settings.ts';
import { PRODUCER } from '../../core/identity.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import { MAX_BYTES } from './append-sides.ts';
import type { SqliteDatabase } from './peers.ts';
import { textRecords } from './text-records.ts';

/** Batches read and not acknowledged yet: as many as the product has envelopes under way. */
export const IN_FLIGHT = DEFAULT_LIMITS.maxFlights;

/**
 * Takes records off the queue, so many at a time, and makes each acknowledgement durable: records a second.
 *
 * The product lets acknowledgements become durable later, since a lost one costs a question and never a record; here
 * each is flushed before the next batch is asked for in its place, as the peer's are.
 */
export async function dequeueOurs(
  worker: JournalWorker,
  directory: string,
  size: number,
  rounds: number,
): Promise<number> {
  const journal = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
  const { epoch } = await journal.open();
  const bytes = textRecords(size);
  for (let round = 0; round < rounds; round++) {
    const result = await journal.append({ lanes: [{ lane: 2, count: size, bytes }], state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
  }
  const flush = createFlush(directory);
  let next = 0;
  const dequeue = async (): Promise<void> => {
    for (let from = next; from < size * rounds; from = next) {
      next += size;
      const to = from + size;
      const read = await journal.read({ epoch, lane: 2, from, to, maxRecords: size, maxBytes: bytes.length });
      if (read.to !== to || read.missing.length > 0) throw new Error(`read up to ${read.to}, expected ${to}`);
      await journal.settle([{ epoch, lane: 2, from, to, fate: 'delivered' }]);
      await flush();
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, dequeue));
  const seconds = (performance.now() - start) / 1_000;
  await journal.close();
  return (size * rounds) / seconds;
}

/**
 * fdatasync of the newest file of the forward log: it counts whoever asks for it. Acknowledgements that have come in the
 * same turn of the event loop share one.
 */
function createFlush(directory: string): () => Promise<void> {
  let name = '';
  let file: number | undefined;
  let soon: Promise<void> | undefined;
  const flushNow = (): void => {
    soon = undefined;
    const newest = readdirSync(directory)
      .filter((one) => one.startsWith('forward-'))
      .sort()
      .at(-1)!;
    if (newest !== name) {
      if (file !== undefined) closeSync(file);
      file = openSync(join(directory, newest), 'r+');
      name = newest;
    }
    fdatasyncSync(file!);
  };
  return () => {
    soon ??= new Promise<void>((resolve) => setImmediate(resolve)).then(flushNow);
    return soon;
  };
}

/** The same from a table: read the oldest rows, delete them in a transaction. */
export function dequeueSqlite(database: SqliteDatabase, size: number, rounds: number): number {
  const record = Buffer.from(textRecords(1));
  const insert = database.prepare('INSERT INTO queue (record) VALUES (?)');
  database.exec('DELETE FROM queue');
  database.transaction(() => {
    for (let index = 0; index < size * rounds; index++) insert.run(record);
  })();
  database.pragma('wal_checkpoint(TRUNCATE)');
  const read = database.prepare('SELECT id, record FROM queue ORDER BY id LIMIT ?');
  const remove = database.prepare('DELETE FROM queue WHERE id <= ?');
  const start = performance.now();
  for (let round = 0; round < rounds; round++) {
    const rows = read.all(size) as { id: number }[];
    if (rows.length !== size) throw new Error(`${rows.length} rows, expected ${size}`);
    remove.run(rows.at(-1)!.id);
  }
  return (size * rounds * 1_000) / (performance.now() - start);
}
