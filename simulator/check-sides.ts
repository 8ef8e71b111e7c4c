import { elsewhereIn } from '../core/far-sides.ts';
import type { ForwardState, LaneState } from '../core/forward/state.ts';
import { PRODUCER } from '../core/identity.ts';
import { laneName } from '../core/lane-fates.ts';
import { compareSides, givenUpCount, type Imbalance, type LaneCounts, type NodeLedger } from '../core/ledger.ts';
import { addRanges, NO_RANGES, type RangeSet, subtract } from '../core/ranges.ts';
import type { FarLedger } from './far-ledger.ts';
import type { Side, Sides } from './sides.ts';
import type { VirtualNode } from './virtual-node.ts';

/**
 * In what a node's counts and those of the far sides differ. With one far side they are compared one by one; with two,
 * what one of them has acknowledged the other may have besides: then both together have all that was delivered.
 *
 * @param present the far side that the node delivers to, by its own word
 */
export function gapBetween(ledger: NodeLedger, sides: Sides, present: Side | undefined): Imbalance | undefined {
  const [first, ...others] = sides.all;
  const isGap = (one: Imbalance, side: Side): boolean =>
    !isLateCopy(one, ledger.lanes) && !(side.far.kind === 'cloud' && isLanding(one));
  if (others.length === 0) {
    return compareSides(ledger, first!.ledger.of(ledger.node)).find((one) => isGap(one, first!));
  }
  const rows = sides.all.flatMap((side) =>
    compareSides({ ...ledger, lanes: none(ledger.lanes) }, side.ledger.of(ledger.node))
      .filter(isAboutRows)
      .filter((one) => isGap(one, side)),
  );
  const all = compareSides({ ...ledger, lanes: anywhere(ledger.lanes) }, sides.union.of(ledger.node)).filter(
    (one) => !isAboutRows(one) && !isLateCopy(one, ledger.lanes),
  );
  const own = present
    ? compareSides(ledger, present.ledger.of(ledger.node)).filter(({ what }) => what.endsWith(': stored ≥ delivered'))
    : [];
  return [...rows, ...all, ...own][0];
}

const none = (lanes: readonly LaneCounts[]): LaneCounts[] =>
  lanes.map((lane) => ({ ...lane, delivered: 0, elsewhere: 0, inDoubt: Number.POSITIVE_INFINITY }));
const anywhere = (lanes: readonly LaneCounts[]): LaneCounts[] => lanes.map((lane) => ({ ...lane, elsewhere: 0 }));

/**
 * A record that was sent, found unreadable later and given up may still arrive: then the far side has more than the
 * node knows to be delivered, by no more than it gave up.
 */
function isLateCopy({ what, left, right }: Imbalance, lanes: readonly LaneCounts[]): boolean {
  const lane = lanes.find(({ priority }) => what === `${priority}: stored ≤ delivered + in doubt`);
  return lane !== undefined && left - right <= givenUpCount(lane);
}

const isAboutRows = ({ what }: Imbalance): boolean => what.endsWith(': rows by SQL = positions in the index');
/** In the cloud rows come a moment after their index, never before it. */
const isLanding = (one: Imbalance): boolean => isAboutRows(one) && one.left < one.right;

/** What of a lane is called delivered and is not in the store that is said to have acknowledged it. */
export function untrulyDelivered(
  node: VirtualNode,
  { elsewhere }: Pick<ForwardState, 'elsewhere'>,
  { epoch, lane, fates }: LaneState,
  sides: Sides,
  present: Side | undefined,
): RangeSet {
  const key = { node: node.plan.node, producer: PRODUCER, epoch, lane };
  const visible = (ledgers: readonly FarLedger[]): RangeSet =>
    ledgers.reduce<RangeSet>((sum, ledger) => addRanges(sum, ledger.visibleIn(key)), NO_RANGES);
  // Who acknowledged what stood in the log that rotted.
  if (node.rotted.has('forward')) return subtract(fates.delivered, visible(sides.all.map(({ ledger }) => ledger)));
  const name = laneName(epoch, lane);
  const own = subtract(fates.delivered, elsewhereIn(elsewhere, name));
  const untrue = subtract(own, present ? present.ledger.visibleIn(key) : NO_RANGES);
  return Object.entries(elsewhere).reduce<RangeSet>((sum, [id, { lanes }]) => {
    const side = sides.withId(id);
    return addRanges(sum, subtract(lanes[name] ?? NO_RANGES, side ? side.ledger.visibleIn(key) : NO_RANGES));
  }, untrue);
}
