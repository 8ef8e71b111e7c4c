import type { Hash64, LaneKey } from '../../core/identity.ts';
import type { Item, ItemKey } from '../../core/item-table.ts';
import type { HashedRange, LaneIndex } from '../../core/ports.ts';
import { type Priority, priorityOf } from '../../core/priority.ts';
import { rangesOfText, rangesToText } from '../../core/range-text.ts';
import type { Range, RangeSet } from '../../core/ranges.ts';

/**
 * The items of the index (docs/adr/0010-cloud-store.md). One partition a node holds its lanes, the hashes of its
 * envelopes and its counters; each batch is an item of its own.
 */

export const LANE_PREFIX = 'lane#';

export const laneItemKey = (key: LaneKey): ItemKey => ({ pk: key.node, sk: `${LANE_PREFIX}${laneSuffix(key)}` });
export const countsItemKey = (node: string): ItemKey => ({ pk: node, sk: 'counts' });
export const batchItemKey = (batch: string): ItemKey => ({ pk: `batch#${batch}`, sk: 'batch' });
/** Runs of one lane sort by their first position. */
export const runItemKey = (key: LaneKey, from: number): ItemKey => ({
  pk: key.node,
  sk: `${runPrefix(key)}${String(from).padStart(16, '0')}`,
});
export const runPrefix = (key: LaneKey): string => `run#${laneSuffix(key)}#`;

const laneSuffix = ({ producer, epoch, lane }: LaneKey): string => `${producer}#${epoch}#${lane}`;

/** A lane, and the batches of its last change that may not have landed yet. */
export interface LaneItem extends LaneIndex {
  pending: readonly string[];
}

/** A lane of which there is only a count statement has no version yet. */
export function laneOfItem(item: Item | undefined): LaneItem {
  if (item?.version === undefined) return { version: 0, stored: [], givenUp: [], pending: [] };
  return {
    version: Number(item.version),
    stored: rangesOfText(item.stored),
    givenUp: rangesOfText(item.givenUp),
    pending: JSON.parse(String(item.pending)) as string[],
  };
}

export const laneAttributes = ({ version, stored, givenUp, pending }: LaneItem): Item => ({
  version,
  stored: rangesToText(stored),
  givenUp: rangesToText(givenUp),
  pending: JSON.stringify(pending),
});

/** Envelopes of one lane that follow each other without a gap, in one batch: no other run begins among them. */
export type Run = readonly HashedRange[];

export const runAttributes = (run: Run, expires: number): Item => ({
  hashes: JSON.stringify(run.map(({ from, to, hash }) => [from, to, hash])),
  expires,
});

export const hashInRun = (item: Item | undefined, { from, to }: Range): Hash64 | undefined =>
  item === undefined
    ? undefined
    : (JSON.parse(String(item.hashes)) as [number, number, Hash64][]).find(
        ([first, end]) => first === from && end === to,
      )?.[2];

/** Attribute of the counters: records stored so far. */
export const storedCounter = (priority: Priority): string => `stored_${priority}`;
export const storedCounterOf = (key: LaneKey): string => storedCounter(priorityOf(key.lane));

/** What one batch added to one lane: enough to take it back. */
export interface BatchLane {
  key: LaneKey;
  ranges: RangeSet;
  records: number;
  /** First positions of its runs. */
  runs: readonly number[];
}

export const BATCH_STATES = ['staged', 'landed', 'releasing', 'released'] as const;
/**
 * `releasing`: its objects were lost before it landed, and it will never land. `released`: nothing is left of it, and
 * its ranges are free again.
 */
export type BatchState = (typeof BATCH_STATES)[number];

export interface Batch {
  id: string;
  state: BatchState;
  /** One object each. */
  days: readonly string[];
  lanes: readonly BatchLane[];
}

export const batchAttributes = ({ state, days, lanes }: Batch, createdMs: number): Item => ({
  state,
  days: JSON.stringify(days),
  lanes: JSON.stringify(lanes),
  created: createdMs,
});

export const batchOfItem = (id: string, item: Item): Batch => ({
  id,
  state: item.state as BatchState,
  days: JSON.parse(String(item.days)) as string[],
  lanes: JSON.parse(String(item.lanes)) as BatchLane[],
});
