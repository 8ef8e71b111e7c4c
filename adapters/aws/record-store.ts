import { stagingKey } from '../../core/cold-layout.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { Random, RecordStore, StatedLane } from '../../core/ports.ts';
import { encodeRows } from '../parquet/landing-rows.ts';
import { putAsideObjects } from './aside-objects.ts';
import { type BatchEnd, type BatchPorts, createBatches } from './batches.ts';
import { MAX_REQUESTS_AT_ONCE } from './client-options.ts';
import {
  hashInRun,
  LANE_PREFIX,
  type LaneItem,
  laneItemKey,
  laneOfItem,
  runItemKey,
  runPrefix,
} from './index-items.ts';
import { type CommitPart, planCommit } from './plan-commit.ts';

/** Each change of a lane waits for its landing, so a reader finds one pending batch, seldom a second. */
const MAX_READ_ROUNDS = 5;
const MAX_LANDED_REMEMBERED = 10_000;

export interface CloudStorePorts extends BatchPorts {
  random: Random;
}

export interface CloudStore extends RecordStore {
  /** Brings a batch whose staged objects were found to its end; `unknown` = no transaction named it (yet). */
  finishStaged(batch: string): Promise<BatchEnd | 'unknown'>;
}

/**
 * The cloud's store of record: rows in objects, the index in a table (docs/adr/0010-cloud-store.md). Objects are staged
 * where nothing reads, one transaction makes them known, then they are copied to where tables read; only then is a
 * change `committed`. A change of very many lanes is several transactions: after `conflict` or an error some lanes may
 * have changed, each one completely.
 */
export function createCloudStore(ports: CloudStorePorts): CloudStore {
  const { objects, table } = ports;
  const batches = createBatches(ports);
  /** Landing is final, so it is asked for once. */
  const landed = new Set<string>();

  async function finish(batch: string): Promise<BatchEnd> {
    const end = await batches.finish(batch);
    if (end === 'landed') remember(batch);
    return end;
  }

  function remember(batch: string): void {
    if (landed.size >= MAX_LANDED_REMEMBERED) landed.clear();
    landed.add(batch);
  }

  async function readLanes(keys: Parameters<RecordStore['readLanes']>[0]): Promise<LaneItem[]> {
    for (let round = 0; round < MAX_READ_ROUNDS; round++) {
      const lanes = (await table.get(keys.map(laneItemKey))).map(laneOfItem);
      const pending = new Set(lanes.flatMap((lane) => lane.pending).filter((batch) => !landed.has(batch)));
      const ends = await inParallel(MAX_REQUESTS_AT_ONCE, [...pending], finish);
      if (!ends.includes('released')) return lanes;
    }
    throw new Error(`lanes kept losing their staged objects, read ${MAX_READ_ROUNDS} times`);
  }

  async function commitPart(part: CommitPart): Promise<'committed' | 'conflict'> {
    const { batch } = part;
    await inParallel(MAX_REQUESTS_AT_ONCE, [...part.objects], ([day, rows]) =>
      objects.put(stagingKey(batch.id, day), encodeRows(rows)),
    );
    if ((await table.transact(part.transaction)) === 'conflict') {
      // Nothing knows these objects, and nothing will: their name is used once.
      await batches.removeStaged(batch);
      return 'conflict';
    }
    await inParallel(MAX_REQUESTS_AT_ONCE, part.afterwards, (write) => table.write(write));
    if (part.objects.size === 0) return 'committed';
    // Lost between two calls: the ranges are free again, so this is one more conflict.
    if ((await batches.land(batch)) === 'released') return 'conflict';
    remember(batch.id);
    return 'committed';
  }

  /** An older statement that was overtaken on its way says nothing new, so a conflict is no trouble. */
  const state = ({ key, upTo, delivered, forgotten = 0 }: StatedLane) =>
    table.write({
      key: laneItemKey(key),
      set: { upTo, delivered, forgotten, statedAt: ports.nowMs() },
      when: [{ attribute: 'upTo', is: 'at-most', value: upTo }],
    });

  return {
    id: table.id,
    readLanes: async (keys) =>
      (await readLanes(keys)).map(({ version, stored, givenUp }) => ({ version, stored, givenUp })),
    findHashes: (ranges) =>
      inParallel(MAX_REQUESTS_AT_ONCE, ranges, async ({ key, from, to }) => {
        const bounds = { from: runPrefix(key), to: runItemKey(key, from).sk, descending: true, limit: 1 };
        const [run] = await table.query(key.node, bounds);
        return hashInRun(run, { from, to });
      }),
    commit: async (change) => {
      const parts = planCommit(change, () => newBatch(ports.nowMs(), ports.random));
      for (const part of parts) if ((await commitPart(part)) === 'conflict') return 'conflict';
      await inParallel(MAX_REQUESTS_AT_ONCE, change.statements, state);
      return 'committed';
    },
    laneCount: (node) => table.count(node, LANE_PREFIX),
    putAside: (messages) => putAsideObjects(objects, messages),
    finishStaged: batches.sweep,
  };
}

/** Sorts by time, for people; unique by chance. */
const newBatch = (nowMs: number, random: Random): string =>
  `${nowMs.toString(36).padStart(9, '0')}-${random.u64().toString(16).padStart(16, '0')}`;
