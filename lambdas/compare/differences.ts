import { type LaneKey, laneKeyText } from '../../core/identity.ts';
import { MAX_STATED_LANES } from '../../core/messages.ts';
import { PRIORITIES, priorityOf } from '../../core/priority.ts';
import { addRanges, countOf, within } from '../../core/ranges.ts';
import type { Difference, IndexedLane, NodeIndex, StatedLane } from './env.ts';

/**
 * Where the counts of one node contradict each other (docs/adr/0010-cloud-store.md):
 * - the counters, which count rows, and the index, which covers positions, are changed by the same transactions;
 * - what the node was told is stored is in the index. The other way round nothing can be said: what is stored and not
 *   in the node's statement may have its acknowledgement on the way;
 * - what the node once counted in lanes that it names no more is in the index, or among what it has finished with.
 */
export function differencesOf({ counts, lanes }: NodeIndex): Difference[] {
  const counters = PRIORITIES.flatMap((priority): Difference[] => {
    const ofPriority = lanes.filter(({ key }) => priorityOf(key.lane) === priority);
    const covered = ofPriority.reduce((sum, { stored }) => sum + countOf(stored), 0);
    const records = Math.abs(counts[priority] - covered);
    const detail = `${counts[priority]} records counted, ${covered} positions in the index`;
    return records === 0 ? [] : [{ priority, records, detail }];
  });
  const statements = lanes.flatMap(({ key, stored, stated }): Difference[] => {
    if (stated === undefined) return [];
    const { upTo, delivered } = stated;
    const found = countOf(within(stored, { from: 0, to: upTo }));
    const detail = `${laneKeyText(key)}: ${delivered} acknowledged below position ${upTo}, ${found} in the index`;
    return delivered <= found ? [] : [{ priority: priorityOf(key.lane), records: delivered - found, detail }];
  });
  return [...counters, ...statements, ...lostIn(lanes)];
}

/** A node names all its lanes about once a minute; messages can be late. */
const NAMED_NO_MORE_MS = 15 * 60_000;

/** Records without a fate: the node has lost the journal that had them. */
function lostIn(lanes: readonly IndexedLane[]): Difference[] {
  const stated = lanes.flatMap((lane): Stated[] => (lane.stated ? [{ ...lane, stated: lane.stated }] : []));
  const newest = stated.reduce<StatedLane | undefined>(
    (best, lane) => (best && best.atMs >= lane.stated.atMs ? best : lane.stated),
    undefined,
  );
  if (newest === undefined) return [];
  const isNamed = ({ stated: { atMs } }: Stated): boolean => atMs > newest.atMs - NAMED_NO_MORE_MS;
  const named = stated.filter(isNamed);
  if (named.length >= MAX_STATED_LANES) return []; // then a statement may leave out older ones
  const unnamed = stated.filter((lane) => !isNamed(lane));
  let unknown = unnamed.reduce((sum, lane) => sum + lane.stated.upTo, 0) - newest.forgotten;
  const gone = unnamed.filter((lane) => !named.some(({ key }) => isSameEpoch(key, lane.key)));
  return gone.flatMap(({ key, stored, givenUp, stated: { upTo } }): Difference[] => {
    const fates = countOf(within(addRanges(stored, givenUp), { from: 0, to: upTo }));
    const records = Math.min(upTo - fates, unknown);
    if (records <= 0) return [];
    unknown -= records;
    const detail = `${laneKeyText(key)}: ${upTo} counted by the node, which names the lane no more, ${fates} stored or given up: it has lost its journal`;
    return [{ priority: priorityOf(key.lane), records, detail }];
  });
}

type Stated = IndexedLane & { stated: StatedLane };

/** A journal is lost as a whole: while it names a lane of an epoch it has the others of that epoch, or finished them. */
const isSameEpoch = (one: LaneKey, other: LaneKey): boolean =>
  one.producer === other.producer && one.epoch === other.epoch;
