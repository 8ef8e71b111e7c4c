import { createMemoryItemTable, type MemoryItemTable } from '../adapters/memory/item-table.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../adapters/memory/object-store.ts';
import { decodeRows } from '../adapters/parquet/landing-rows.ts';
import { batchOfStaging, partitionOf } from '../core/cold-layout.ts';
import type { ItemWrite } from '../core/item-table.ts';
import type { StoreChange } from '../core/ports.ts';
import { isLane } from '../core/priority.ts';
import { rangesOfText } from '../core/range-text.ts';
import { rowsOf, type StoredRow } from '../core/stored-row.ts';
import { type CloudRows, createCloudRows } from './cloud-rows.ts';
import type { FarSidePorts } from './far-side.ts';

/** Bucket and table as they are, whoever asks: they outlive all processes and tell what becomes of them. */
export interface CloudData {
  objects: MemoryObjectStore;
  table: MemoryItemTable;
  rows: CloudRows;
  /** A batch whose name ends so gets its objects from this change. */
  expect(suffix: string, change: StoreChange): void;
  /** `landed` and the like; undefined = there is no such batch, any more or yet. */
  stateOf(batch: string): string | undefined;
  /** Batches that have not come to their end. */
  open(): ReadonlySet<string>;
  /** Called when a batch was made known or marked anew. */
  onState: (batch: string, state: string) => void;
}

export function createCloudData(ports: FarSidePorts, nowMs: () => number): CloudData {
  const objects = createMemoryObjectStore(nowMs);
  const table = createMemoryItemTable(ports.id);
  const rows = createCloudRows(ports);
  const changes = new Map<string, StoreChange>();
  const states = new Map<string, string>();
  const open = new Set<string>();

  const data: CloudData = {
    rows,
    stateOf: (batch) => states.get(batch),
    open: () => open,
    onState: () => undefined,
    expect: (suffix, change) => void changes.set(suffix, change),
    // Each call takes effect at once, and what is known of it changes in the same moment.
    objects: {
      ...objects,
      async put(key, body) {
        if (key.endsWith('.parquet')) rows.put(key, await rowsIn(key, body));
        return objects.put(key, body);
      },
      copy(from, to) {
        rows.copy(from, to);
        return objects.copy(from, to);
      },
      delete(keys) {
        for (const key of keys) rows.delete(key);
        return objects.delete(keys);
      },
    },
    table: {
      ...table,
      async transact(writes) {
        const result = await table.transact(writes);
        if (result === 'done') writes.forEach(note);
        return result;
      },
      async write(write) {
        const result = await table.write(write);
        if (result === 'done') note(write);
        return result;
      },
    },
  };

  function note({ key, set, delete: gone }: ItemWrite): void {
    if (key.pk.startsWith('batch#')) {
      const batch = key.pk.slice('batch#'.length);
      if (gone) states.delete(batch);
      if (set?.state === undefined) return;
      states.set(batch, String(set.state));
      if (ENDS.includes(set.state)) open.delete(batch);
      else open.add(batch);
      data.onState(batch, String(set.state));
    } else if (set?.stored !== undefined) {
      const [, producer = '', epoch = '', lane] = key.sk.split('#');
      const number = Number(lane);
      if (!isLane(number)) throw new Error(`lane ${lane} in ${key.sk}`);
      ports.indexed(
        { node: key.pk, producer, epoch, lane: number },
        rangesOfText(set.stored),
        rangesOfText(set.givenUp),
      );
    }
  }

  /** From the change that it was made of: decoding takes time, and a sample is decoded in the end. */
  async function rowsIn(key: string, body: Uint8Array): Promise<readonly StoredRow[]> {
    const batch = batchOfStaging(key);
    const suffix = batch?.slice(batch.lastIndexOf('-') + 1) ?? '';
    const change = changes.get(suffix);
    // A change may be several batches: then only the object knows.
    if (change === undefined || change.lanes.length > MAX_LANES_IN_ONE_BATCH) return decodeRows(body);
    const day = /dt=([\d-]+)/.exec(key)?.[1];
    return change.envelopes
      .flatMap((envelope) => rowsOf(envelope, change.storedAtMs))
      .filter(({ ts }) => partitionOf(ts, change.storedAtMs) === day);
  }

  return data;
}

const ENDS: readonly unknown[] = ['landed', 'released'];
/** Far below what fits a transaction. */
const MAX_LANES_IN_ONE_BATCH = 25;
