import { LANE_PREFIX, laneOfItem } from '../../adapters/aws/index-items.ts';
import { type CloudStore, type CloudStorePorts, createCloudStore } from '../../adapters/aws/record-store.ts';
import { createMemoryItemTable, type MemoryItemTable } from '../../adapters/memory/item-table.ts';
import { createMemoryObjectStore, type MemoryObjectStore } from '../../adapters/memory/object-store.ts';
import { decodeRows } from '../../adapters/parquet/landing-rows.ts';
import { COLD_PREFIXES } from '../../core/cold-layout.ts';
import type { ItemTable } from '../../core/item-table.ts';
import type { ObjectStore } from '../../core/object-store.ts';
import type { PoisonMessage, StatedLane } from '../../core/ports.ts';
import { isLane } from '../../core/priority.ts';
import { countOf } from '../../core/ranges.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { START_MS } from './envelopes.ts';
import { silentLogger } from './silent-logger.ts';

/** A bucket and a table in memory, and what queries would find in them. */
export interface CloudData {
  objects: MemoryObjectStore;
  table: MemoryItemTable;
  /** Keys that were announced. */
  announced: string[];
}

export const emptyCloud = (): CloudData => ({
  objects: createMemoryObjectStore(() => START_MS),
  table: createMemoryItemTable('table-1'),
  announced: [],
});

let batches = 0n;

/** A store on the data; `through` may put faults between. */
export const cloudStoreOn = (
  data: CloudData,
  through: { objects?: ObjectStore; table?: ItemTable } & Partial<CloudStorePorts> = {},
): CloudStore =>
  createCloudStore({
    objects: data.objects,
    table: data.table,
    logger: silentLogger,
    nowMs: () => START_MS,
    random: { u64: () => batches++, fraction: () => 0.5 },
    landed: async (keys) => void data.announced.push(...keys),
    ...through,
  });

/** Every row that a query over the landing table sees, ordered by identity. */
export async function landedRows({ objects }: CloudData): Promise<StoredRow[]> {
  const files = await Promise.all(
    objects.keys(COLD_PREFIXES.landing).map(async (key) => decodeRows((await objects.get(key))!)),
  );
  const identity = ({ node, producer, epoch, lane, position }: StoredRow): string =>
    [node, producer, epoch, lane, String(position).padStart(16, '0')].join('/');
  return files.flat().sort((a, b) => (identity(a) < identity(b) ? -1 : 1));
}

export const statedLanes = ({ table }: CloudData): StatedLane[] =>
  laneItems(table).flatMap(({ pk, sk, upTo, delivered }) => {
    const [, producer = '', epoch = '', lane] = sk.split('#');
    if (upTo === undefined || !isLane(Number(lane))) return [];
    const key = { node: pk, producer, epoch, lane: Number(lane) as StatedLane['key']['lane'] };
    return [{ key, upTo: Number(upTo), delivered: Number(delivered) }];
  });

/** Positions in the index, over all lanes. */
export function indexedPositions({ table }: CloudData): { stored: number; givenUp: number } {
  const lanes = laneItems(table).map(laneOfItem);
  const total = (part: 'stored' | 'givenUp') => lanes.reduce((sum, lane) => sum + countOf(lane[part]), 0);
  return { stored: total('stored'), givenUp: total('givenUp') };
}

/** What the counters of all nodes say was stored, over all classes. */
export const countedRecords = ({ table }: CloudData): number =>
  table
    .items()
    .filter(({ sk }) => sk === 'counts')
    .flatMap((item) => Object.entries(item).filter(([name]) => name.startsWith('stored_')))
    .reduce((sum, [, count]) => sum + Number(count), 0);

/** What was put aside, as the table `aside` holds it. */
export async function asideMessages({ objects }: CloudData): Promise<PoisonMessage[]> {
  const lines = await Promise.all(
    objects.keys(COLD_PREFIXES.aside).map(async (key) => {
      const { at_ms: atMs, payload, bytes: _, ...line } = JSON.parse(Buffer.from((await objects.get(key))!).toString());
      return { ...line, atMs, payload: new Uint8Array(Buffer.from(payload, 'base64')) } as PoisonMessage;
    }),
  );
  return lines.sort((a, b) => a.atMs - b.atMs);
}

const laneItems = (table: MemoryItemTable) => table.items().filter(({ sk }) => sk.startsWith(LANE_PREFIX));
