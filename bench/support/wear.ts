import { PRODUCER } from '../../core/identity.ts';
import type { JournalWorker } from '../../journal/worker-client.ts';
import { MAX_BYTES, SETTLE_EVERY } from './append-sides.ts';
import { bytesBetween, type DiskWrites, diskWrites } from './disk-writes.ts';
import type { SqliteDatabase } from './peers.ts';
import { textRecords } from './text-records.ts';

/** Several segments' worth, so that spares are used again and again. */
const COMMITS = 4_000;
const SIZE = 100;

/** Pages sent to the disk, bytes a payload byte, while records come and are acknowledged; undefined outside Linux. */
export async function wearOfOurs(worker: JournalWorker, directory: string): Promise<number | undefined> {
  const journal = worker.journal(directory, { producer: PRODUCER, maxBytes: MAX_BYTES, localBytes: 0 });
  const { epoch } = await journal.open();
  const bytes = textRecords(SIZE);
  const before = diskWrites(directory);
  for (let commit = 1; commit <= COMMITS; commit++) {
    const result = await journal.append({ lanes: [{ lane: 2, count: SIZE, bytes }], state: {}, clockOffsetMs: 0 });
    if (!result.ok) throw new Error(`append: ${result.reason}, ${result.detail}`);
    if (commit % SETTLE_EVERY !== 0) continue;
    const to = commit * SIZE;
    await journal.settle([{ epoch, lane: 2, from: to - SETTLE_EVERY * SIZE, to, fate: 'delivered' }]);
  }
  await journal.close();
  return wearSince(directory, before, bytes.length);
}

/** @param folder where the database is */
export function wearOfSqlite(database: SqliteDatabase, folder: string): number | undefined {
  const record = Buffer.from(textRecords(1));
  const insert = database.prepare('INSERT INTO queue (record) VALUES (?)');
  const remove = database.prepare('DELETE FROM queue WHERE id <= ?');
  const commit = database.transaction(() => {
    for (let index = 0; index < SIZE; index++) insert.run(record);
  });
  const before = diskWrites(folder);
  for (let count = 1; count <= COMMITS; count++) {
    commit();
    if (count % SETTLE_EVERY !== 0) continue;
    const { last } = database.prepare('SELECT max(id) AS last FROM queue').get() as { last: number };
    remove.run(last);
  }
  return wearSince(folder, before, textRecords(SIZE).length);
}

const wearSince = (folder: string, before: DiskWrites | undefined, payload: number): number | undefined =>
  before === undefined ? undefined : bytesBetween(before, diskWrites(folder)!) / (COMMITS * payload);
