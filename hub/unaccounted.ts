import type { StatedCount } from '../adapters/embedded/store-counts.ts';
import type { LaneKey } from '../core/identity.ts';
import { PRIORITIES, type Priority, priorityOf } from '../core/priority.ts';
import type { LatestWord } from './statement-book.ts';

type Counts = Record<Priority, number>;

/** Records that a node counted once, in lanes that it names no more, and that are neither stored here nor given up. */
export interface Unaccounted {
  /** Nobody knows what became of them: the node has lost its journal. */
  lost: Counts;
  /** Perhaps so: the node's next statement tells. */
  unsure: Counts;
  /** The node knew their fates: mostly, other far sides have them. */
  elsewhere: Counts;
}

export interface CountedLane {
  key: LaneKey;
  stated: StatedCount | undefined;
}

/**
 * A node that has finished with lanes counts their records still, all together (`forgotten`): what it counts has its fate,
 * if not here. Lanes that its journal did not lose are not told from those it did, only how many records are too many.
 *
 * @param lanes of one node
 * @param latest read before the lanes were
 */
export function unaccountedIn(lanes: readonly CountedLane[], latest: LatestWord | undefined): Unaccounted {
  const found: Unaccounted = { lost: noCounts(), unsure: noCounts(), elsewhere: noCounts() };
  if (latest === undefined) return found;
  const gone = lanes.flatMap(({ key, stated }) => {
    const word = latest.of(key);
    if (stated === undefined || (word !== 'gone' && word !== 'perhaps-gone')) return [];
    // A lane that was stated after the latest word that is known here can not be missing from it.
    return [{ priority: priorityOf(key.lane), stated, sure: word === 'gone' && stated.atMs <= latest.atMs }];
  });
  let unknown = gone.reduce((sum, { stated }) => sum + stated.upTo, 0) - latest.forgotten;
  for (const { priority, stated, sure } of gone) {
    const open = openIn(stated);
    const lost = Math.min(open, Math.max(0, unknown));
    unknown -= lost;
    found[sure ? 'lost' : 'unsure'][priority] += lost;
    found.elsewhere[priority] += open - lost;
  }
  return found;
}

/** Counted by the node, neither stored nor given up. */
export const openIn = ({ upTo, storedBelow, givenUpBelow }: StatedCount): number =>
  Math.max(0, upTo - storedBelow - givenUpBelow);

const noCounts = (): Counts => Object.fromEntries(PRIORITIES.map((priority) => [priority, 0])) as Counts;
