import { landingKey, stagingKey, stagingPrefix } from '../../core/cold-layout.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ItemKey, ItemTable, ItemWrite } from '../../core/item-table.ts';
import type { ObjectStore } from '../../core/object-store.ts';
import type { Logger } from '../../core/ports.ts';
import { subtract } from '../../core/ranges.ts';
import { MAX_REQUESTS_AT_ONCE } from './client-options.ts';
import {
  type Batch,
  type BatchState,
  batchItemKey,
  batchOfItem,
  countsItemKey,
  laneAttributes,
  laneItemKey,
  laneOfItem,
  runItemKey,
  storedCounterOf,
} from './index-items.ts';
import { MAX_RUNS_IN_TRANSACTION } from './plan-commit.ts';

/** One message of the landed queue is one piece of work. */
const MAX_KEYS_ANNOUNCED = 10;
const MAX_RELEASE_TRIES = 10;
/** Batches are remembered longer than the queues keep a message. */
const KEEP_ENDED_MS = 30 * 86_400_000;

export interface BatchPorts {
  objects: ObjectStore;
  table: ItemTable;
  logger: Logger;
  nowMs: () => number;
  /** Told of the objects that can be read now. It may be told twice, or never if the process dies: a sweep finds them. */
  landed: (keys: readonly string[]) => Promise<void>;
}

export type BatchEnd = Exclude<BatchState, 'staged' | 'releasing'>;

/** What becomes of a batch once its transaction is through (docs/adr/0010-cloud-store.md). Everything can be repeated. */
export interface Batches {
  /** Copies the objects to where tables read them. For the one who has just staged them. */
  land(batch: Batch): Promise<BatchEnd>;
  /** Brings a batch to its end, whoever began it. A batch that is not known any more landed long ago. */
  finish(id: string): Promise<BatchEnd>;
  /** The same for a batch whose staged objects were found; they are gone then, unless no transaction knows them. */
  sweep(id: string): Promise<BatchEnd | 'unknown'>;
  /** Of a batch that landed, or whose transaction did not happen. Never throws: the bucket's lifecycle removes the rest. */
  removeStaged(batch: Batch): Promise<void>;
}

export function createBatches(ports: BatchPorts): Batches {
  const { objects, table, logger } = ports;

  async function read(id: string): Promise<Batch | undefined> {
    const [item] = await table.get([batchItemKey(id)]);
    return item === undefined ? undefined : batchOfItem(id, item);
  }

  async function finish(id: string): Promise<BatchEnd> {
    const batch = await read(id);
    return batch?.state === 'staged' ? endStaged(batch) : endMarked(batch);
  }

  const endStaged = async (batch: Batch): Promise<BatchEnd> => ((await allStaged(batch)) ? land(batch) : giveUp(batch));

  /** The end of a batch that is marked: landing was either done or will never be. */
  async function endMarked(batch: Batch | undefined): Promise<BatchEnd> {
    if (batch === undefined) return 'landed';
    if (batch.state === 'staged') throw new Error(`batch ${batch.id} is staged although its mark was refused`);
    return batch.state === 'releasing' ? release(batch) : batch.state;
  }

  /** A copy made long after landing could bring back what compaction has moved: so nothing may stay to be copied. */
  async function sweep(id: string): Promise<BatchEnd | 'unknown'> {
    const batch = await read(id);
    if (batch === undefined) return 'unknown';
    if (batch.state === 'staged') return endStaged(batch);
    await removeStaged(batch);
    return endMarked(batch);
  }

  /** Before the first copy: of a batch that lost an object nothing may become visible. */
  async function allStaged(batch: Batch): Promise<boolean> {
    const found = new Set<string>();
    for await (const { key } of objects.list(stagingPrefix(batch.id))) found.add(key);
    return stagingKeys(batch).every((key) => found.has(key));
  }

  async function land(batch: Batch): Promise<BatchEnd> {
    const copies = await inParallel(MAX_REQUESTS_AT_ONCE, batch.days, (day) =>
      objects.copy(stagingKey(batch.id, day), landingKey(batch.id, day)),
    );
    if (copies.includes('missing')) return giveUp(batch);
    if ((await mark(batch, 'landed')) === 'conflict') {
      const end = await endMarked(await read(batch.id));
      // A copy that was under way while another one released the batch may have come after its deletions.
      if (end === 'released') await objects.delete(landingKeys(batch));
      return end;
    }
    // Only now: staged objects are the proof that a batch has not landed.
    await removeStaged(batch);
    await tellLanded(batch);
    return 'landed';
  }

  /**
   * Staged objects are gone. Whoever deletes them marks the batch first, so the mark decides: if there is none they
   * were lost, the ranges become free, and the node's next sending is stored. Marked before anything is deleted: one
   * who copied all of them before the loss may be about to call the batch landed.
   */
  async function giveUp(batch: Batch): Promise<BatchEnd> {
    if ((await mark(batch, 'releasing')) === 'conflict') return endMarked(await read(batch.id));
    logger.error(
      { batch: batch.id, lanes: batch.lanes.length },
      'staged objects were lost; their records will be asked for again',
    );
    return release(batch);
  }

  const mark = ({ id }: Batch, state: 'landed' | 'releasing') =>
    table.write({
      key: batchItemKey(id),
      set: { state, ...(state === 'landed' && { expires: expiry() }) },
      when: [{ attribute: 'state', is: 'equal', value: 'staged' }],
    });

  const expiry = (): number => Math.ceil((ports.nowMs() + KEEP_ENDED_MS) / 1_000);

  async function release(batch: Batch): Promise<BatchEnd> {
    // In this order: what cannot be copied any more cannot come back, even by one who began to copy long ago.
    await objects.delete(stagingKeys(batch));
    await objects.delete(landingKeys(batch));
    // Before the ranges are free: the next batch may give its runs the same names.
    await inParallel(MAX_REQUESTS_AT_ONCE, laterRuns(batch), (key) => table.write({ key, delete: true }));
    for (let tries = 0; tries < MAX_RELEASE_TRIES; tries++) {
      if ((await table.transact(await releaseWrites(batch))) === 'done') return 'released';
      if ((await read(batch.id))?.state !== 'releasing') return 'released';
    }
    throw new Error(`batch ${batch.id}: other writers kept winning its lanes, tried ${MAX_RELEASE_TRIES} times`);
  }

  async function releaseWrites(batch: Batch): Promise<ItemWrite[]> {
    const items = await table.get(batch.lanes.map(({ key }) => laneItemKey(key)));
    const counters = new Map<string, Record<string, number>>();
    const lanes = batch.lanes.flatMap(({ key, ranges, records, runs }, at): ItemWrite[] => {
      const lane = laneOfItem(items[at]);
      const counts = counters.get(key.node) ?? {};
      counters.set(key.node, counts);
      counts[storedCounterOf(key)] = (counts[storedCounterOf(key)] ?? 0) - records;
      const stored = subtract(lane.stored, ranges);
      const pending = lane.pending.filter((id) => id !== batch.id);
      return [
        {
          key: laneItemKey(key),
          set: laneAttributes({ ...lane, version: lane.version + 1, stored, pending }),
          when: [{ attribute: 'version', is: 'equal', value: lane.version }],
        },
        ...runs
          .slice(0, MAX_RUNS_IN_TRANSACTION)
          .map((from): ItemWrite => ({ key: runItemKey(key, from), delete: true })),
      ];
    });
    return [
      {
        key: batchItemKey(batch.id),
        set: { state: 'released', expires: expiry() },
        when: [{ attribute: 'state', is: 'equal', value: 'releasing' }],
      },
      ...lanes,
      ...[...counters].map(([node, add]): ItemWrite => ({ key: countsItemKey(node), add })),
    ];
  }

  async function removeStaged(batch: Batch): Promise<void> {
    try {
      await objects.delete(stagingKeys(batch));
    } catch (error) {
      logger.debug({ err: error, batch: batch.id }, 'staged objects could not be removed');
    }
  }

  async function tellLanded(batch: Batch): Promise<void> {
    try {
      const keys = landingKeys(batch);
      for (let at = 0; at < keys.length; at += MAX_KEYS_ANNOUNCED) {
        await ports.landed(keys.slice(at, at + MAX_KEYS_ANNOUNCED));
      }
    } catch (error) {
      logger.warn({ err: error, batch: batch.id }, 'landed objects could not be announced; the sweep will');
    }
  }

  return { land, finish, sweep, removeStaged };
}

/** Those that the commit wrote after its transaction. */
const laterRuns = (batch: Batch): ItemKey[] =>
  batch.lanes.flatMap(({ key, runs }) => runs.slice(MAX_RUNS_IN_TRANSACTION).map((from) => runItemKey(key, from)));

const stagingKeys = ({ id, days }: Batch): string[] => days.map((day) => stagingKey(id, day));
const landingKeys = ({ id, days }: Batch): string[] => days.map((day) => landingKey(id, day));
