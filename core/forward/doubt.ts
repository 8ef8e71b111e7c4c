import { givenUpOf } from '../lane-fates.ts';
import { countOf, intersect, type RangeSet, subtract } from '../ranges.ts';
import type { LaneState } from './state.ts';

/** Not known to be delivered, and the far side may have it. */
export const doubtful = ({ sent, denied, fates }: LaneState): RangeSet =>
  subtract(subtract(sent, fates.delivered), denied);

/** Of what was given up: the far side may have it. Worked out again only once one of the sets is another. */
export function doubtfulGivenUp(lane: LaneState): RangeSet {
  const { sent, denied, fates } = lane;
  const known = givenUpInDoubt.get(lane);
  if (known && known.sent === sent && known.denied === denied && known.fates === fates) return known.ranges;
  const ranges = intersect(givenUpOf(fates), doubtful(lane));
  givenUpInDoubt.set(lane, { sent, denied, fates, ranges });
  return ranges;
}
const givenUpInDoubt = new WeakMap<LaneState, Pick<LaneState, 'sent' | 'denied' | 'fates'> & { ranges: RangeSet }>();

export const inDoubtIn = (lane: LaneState): number => countOf(doubtful(lane));
