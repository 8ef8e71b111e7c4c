import { partitionOf } from '../../core/cold-layout.ts';
import { liveRanges } from '../../core/envelope.ts';
import { type LaneKey, laneKeyText } from '../../core/identity.ts';
import type { ItemWrite } from '../../core/item-table.ts';
import type { HashedRange, StoreChange, StoredEnvelope } from '../../core/ports.ts';
import { rangeSetOf } from '../../core/ranges.ts';
import { rowsOf, type StoredRow } from '../../core/stored-row.ts';
import {
  type Batch,
  type BatchLane,
  batchAttributes,
  batchItemKey,
  countsItemKey,
  laneAttributes,
  laneItemKey,
  type Run,
  runAttributes,
  runItemKey,
  storedCounterOf,
} from './index-items.ts';

/** Below DynamoDB's 100 items and 4 MB a transaction, with room for what a release adds. */
const MAX_ITEMS = 90;
const MAX_BYTES = 2 * 1024 ** 2;
/** Of the batch's own item, which may have 400 KB. */
const MAX_BATCH_ITEM_BYTES = 250 * 1024;
/** More runs of a lane in one batch are written after the transaction: a fragmented lane must not fill it. */
export const MAX_RUNS_IN_TRANSACTION = 20;
/** The longest time to live of a record, and 30 days: so long a repeated envelope is compared by its hash. */
const KEEP_HASHES_MS = 60 * 86_400_000;

/** One transaction and the objects that belong to it. */
export interface CommitPart {
  batch: Batch;
  /** Rows by UTC day, one object each. */
  objects: ReadonlyMap<string, StoredRow[]>;
  transaction: readonly ItemWrite[];
  /** Written after the transaction, in any order. */
  afterwards: readonly ItemWrite[];
}

interface LanePart {
  lane: StoreChange['lanes'][number];
  envelopes: StoredEnvelope[];
  runs: Run[];
}

/**
 * Cuts a change into parts that fit one transaction each; a lane is never cut. A part without rows has no objects.
 *
 * @param newBatch a name that no other batch has
 * @throws RangeError if records and positions do not go together: nothing was written yet
 */
export function planCommit(change: StoreChange, newBatch: () => string): CommitPart[] {
  return groupLanes(lanePartsOf(change)).map((group) => partOf(group, change.storedAtMs, newBatch()));
}

function lanePartsOf(change: StoreChange): LanePart[] {
  const parts = new Map(
    change.lanes.map((lane): [string, LanePart] => [laneKeyText(lane.key), { lane, envelopes: [], runs: [] }]),
  );
  const partOfLane = (key: LaneKey): LanePart => {
    const part = parts.get(laneKeyText(key));
    if (!part) throw new RangeError(`envelope of lane ${laneKeyText(key)}, which the change leaves as it was`);
    return part;
  };
  for (const envelope of change.envelopes) partOfLane(envelope.header).envelopes.push(envelope);
  const hashes = new Map<LanePart, HashedRange[]>();
  for (const range of change.hashes) {
    const part = partOfLane(range.key);
    hashes.set(part, [...(hashes.get(part) ?? []), range]);
  }
  for (const [part, ranges] of hashes) part.runs = runsOf(ranges);
  return [...parts.values()];
}

function runsOf(ranges: readonly HashedRange[]): Run[] {
  const runs: HashedRange[][] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = runs.at(-1);
    if (last?.at(-1)?.to === range.from) last.push(range);
    else runs.push([range]);
  }
  return runs;
}

function groupLanes(lanes: readonly LanePart[]): LanePart[][] {
  const groups: { lanes: LanePart[]; nodes: Set<string>; items: number; bytes: number; batchBytes: number }[] = [];
  for (const lane of lanes) {
    const { node } = lane.lane.key;
    const items = 1 + Math.min(lane.runs.length, MAX_RUNS_IN_TRANSACTION);
    const bytes = 40 * (lane.lane.stored.length + lane.lane.givenUp.length + 2 * lane.envelopes.length) + 1_000;
    const pieces = lane.envelopes.reduce((sum, { header }) => sum + 1 + header.givenUp.length, 0);
    const batchBytes = 200 + 50 * pieces;
    const last = groups.at(-1);
    const counters = last?.nodes.has(node) ? 0 : 1;
    const isFull =
      last === undefined ||
      last.items + items + counters > MAX_ITEMS ||
      last.bytes + bytes > MAX_BYTES ||
      last.batchBytes + batchBytes > MAX_BATCH_ITEM_BYTES;
    if (isFull) {
      groups.push({ lanes: [lane], nodes: new Set([node]), items: 2 + items, bytes, batchBytes }); // batch and counters
    } else {
      last.lanes.push(lane);
      last.nodes.add(node);
      last.items += items + counters;
      last.bytes += bytes;
      last.batchBytes += batchBytes;
    }
  }
  return groups.map((group) => group.lanes);
}

function partOf(lanes: readonly LanePart[], storedAtMs: number, id: string): CommitPart {
  const objects = rowsByDay(lanes, storedAtMs);
  const batch: Batch = { id, state: 'staged', days: [...objects.keys()].sort(), lanes: lanes.flatMap(batchLaneOf) };
  const hasObjects = objects.size > 0;
  const expires = Math.ceil((storedAtMs + KEEP_HASHES_MS) / 1_000);
  const runs = lanes.map(({ lane, runs: all }) =>
    all.map((run): ItemWrite => ({ key: runItemKey(lane.key, run[0]!.from), set: runAttributes(run, expires) })),
  );
  return {
    batch,
    objects,
    transaction: [
      ...(hasObjects ? [{ key: batchItemKey(id), set: batchAttributes(batch, storedAtMs) }] : []),
      ...lanes.map(({ lane, envelopes }) => laneWrite(lane, envelopes.length > 0 ? [id] : [])),
      ...runs.flatMap((writes) => writes.slice(0, MAX_RUNS_IN_TRANSACTION)),
      ...countersOf(lanes),
    ],
    afterwards: runs.flatMap((writes) => writes.slice(MAX_RUNS_IN_TRANSACTION)),
  };
}

/**
 * On condition that the lane is as it was read. `pending` is replaced, not extended: whoever reads a lane finishes
 * what is pending in it before anything is planned on it.
 */
function laneWrite(
  { key, expectedVersion, stored, givenUp }: StoreChange['lanes'][number],
  pending: readonly string[],
): ItemWrite {
  return {
    key: laneItemKey(key),
    set: laneAttributes({ version: expectedVersion + 1, stored, givenUp, pending }),
    when: [
      expectedVersion === 0
        ? { attribute: 'version', is: 'absent' }
        : { attribute: 'version', is: 'equal', value: expectedVersion },
    ],
  };
}

function batchLaneOf({ lane, envelopes, runs }: LanePart): BatchLane[] {
  if (envelopes.length === 0) return [];
  return [
    {
      key: lane.key,
      ranges: rangeSetOf(envelopes.flatMap(({ header }) => liveRanges(header))),
      records: envelopes.reduce((sum, { records }) => sum + records.length, 0),
      runs: runs.map((run) => run[0]!.from),
    },
  ];
}

/** Counted by rows, not by ranges: an independent count of the same thing. */
function countersOf(lanes: readonly LanePart[]): ItemWrite[] {
  const nodes = new Map<string, Record<string, number>>();
  for (const { lane, envelopes } of lanes) {
    const counts = nodes.get(lane.key.node) ?? {};
    nodes.set(lane.key.node, counts);
    const name = storedCounterOf(lane.key);
    const records = envelopes.reduce((sum, envelope) => sum + envelope.records.length, 0);
    if (records > 0) counts[name] = (counts[name] ?? 0) + records;
  }
  return [...nodes]
    .filter(([, counts]) => Object.keys(counts).length > 0)
    .map(([node, add]) => ({ key: countsItemKey(node), add }));
}

/** Sorted, so that neighbours are alike: files become smaller and their statistics useful. */
function rowsByDay(lanes: readonly LanePart[], storedAtMs: number): Map<string, StoredRow[]> {
  const days = new Map<string, StoredRow[]>();
  for (const { envelopes } of lanes) {
    for (const row of envelopes.flatMap((envelope) => rowsOf(envelope, storedAtMs))) {
      const day = partitionOf(row.ts, storedAtMs);
      const rows = days.get(day);
      if (rows) rows.push(row);
      else days.set(day, [row]);
    }
  }
  for (const rows of days.values()) rows.sort(compareRows);
  return days;
}

const compareRows = (a: StoredRow, b: StoredRow): number =>
  compare(a.node, b.node) ||
  compare(a.device, b.device) ||
  compare(a.stream, b.stream) ||
  a.ts - b.ts ||
  compare(a.epoch, b.epoch) ||
  a.position - b.position;

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
