import { EPOCH_PATTERN, type LaneKey, PRODUCER_PATTERN } from '../../core/identity.ts';
import type { Item, ItemTable, KeyedItem } from '../../core/item-table.ts';
import { isLane, PRIORITIES, type Priority } from '../../core/priority.ts';
import { rangesOfText } from '../../core/range-text.ts';
import { countsItemKey, LANE_PREFIX, storedCounter } from './index-items.ts';

/**
 * Reads what the index says of one node, in one consistent query: counters sort before lanes. undefined = the index has
 * nothing of this node.
 *
 * @returns the shape of `NodeIndex` in lambdas/compare/env.ts
 */
export const createNodeIndexReader = (table: ItemTable) => async (node: string) => {
  const stated = ['upTo', 'delivered', 'forgotten', 'statedAt'];
  const attributes = ['version', 'stored', 'givenUp', ...stated, ...PRIORITIES.map(storedCounter)];
  const items = await table.query(node, { from: countsItemKey(node).sk, to: `${LANE_PREFIX}~`, attributes });
  if (items.length === 0) return undefined;
  const counters = items.find(({ sk }) => sk === countsItemKey(node).sk);
  const lanes = items.filter(({ sk }) => sk.startsWith(LANE_PREFIX));
  return { counts: countsOf(counters), lanes: lanes.map(laneOf) };
};

const countsOf = (item: Item | undefined) =>
  Object.fromEntries(PRIORITIES.map((priority) => [priority, Number(item?.[storedCounter(priority)] ?? 0)])) as Record<
    Priority,
    number
  >;

function laneOf(item: KeyedItem) {
  // A lane of which there is only a count statement has no version yet.
  const version = Number(item.version ?? 0);
  const stored = version === 0 ? [] : rangesOfText(item.stored);
  const givenUp = version === 0 ? [] : rangesOfText(item.givenUp);
  return { key: laneKeyOf(item), version, stored, givenUp, stated: statedOf(item) };
}

function statedOf({ upTo, delivered, forgotten, statedAt }: KeyedItem) {
  if (upTo === undefined) return undefined;
  const counts = { upTo: Number(upTo), delivered: Number(delivered), forgotten: Number(forgotten ?? 0) };
  return { ...counts, atMs: Number(statedAt ?? 0) };
}

function laneKeyOf({ pk: node, sk }: KeyedItem): LaneKey {
  const [producer = '', epoch = '', digit = ''] = sk.slice(LANE_PREFIX.length).split('#');
  const lane = Number(digit);
  if (!PRODUCER_PATTERN.test(producer) || !EPOCH_PATTERN.test(epoch) || !isLane(lane)) {
    throw new Error(`item ${sk} of node ${node} is no lane`);
  }
  return { node, producer, epoch, lane };
}
