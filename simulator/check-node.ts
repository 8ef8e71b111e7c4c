import type { LaneState } from '../core/forward/state.ts';
import { finished, NO_FATES } from '../core/lane-fates.ts';
import { checkNodeLedger } from '../core/ledger.ts';
import { addRanges, countOf, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { EdgeNode } from '../edge/node.ts';
import { checkGivenUp } from './check-fates.ts';
import { gapBetween, untrulyDelivered } from './check-sides.ts';
import { asState } from './found.ts';
import { differences } from './model-state.ts';
import type { Sides } from './sides.ts';
import type { VirtualNode } from './virtual-node.ts';

export interface Problem {
  invariant: string;
  detail: string;
}

/** Everything that must hold of a running node between any two events. */
export function checkNode(node: VirtualNode, up: EdgeNode, sides: Sides): Problem | undefined {
  const { readings, forward, state } = up.inspect();
  const name = node.plan.node;
  const problem = (invariant: string, detail: string): Problem => ({ invariant, detail: `${name}: ${detail}` });

  const [difference] = differences(node.model.expected(), asState(readings));
  if (difference !== undefined) return problem('the ledger is what was committed', difference);
  const ledger = { node: name, ...readings, lanes: forward.lanes, localHeld: 0 };
  const [imbalance] = checkNodeLedger(ledger);
  if (imbalance) return problem('the ledger balances', JSON.stringify(imbalance));
  const present = sides.withId(forward.farSide ?? node.farSideAtStart());
  // Who acknowledged what stood in the log that rotted: then only all sides together are asked.
  const gap = gapBetween(ledger, sides, node.rotted.has('forward') ? undefined : present);
  if (gap) return problem('both sides agree', JSON.stringify(gap));

  for (const lane of state.lanes) {
    const wrong = checkLane(lane);
    if (wrong) return problem('each waiting record is in one place', `${laneText(lane)}: ${wrong}`);
    const { fates } = lane;
    if (trueBefore.get(lane) === fates) continue;
    const untrue = untrulyDelivered(node, state, lane, sides, present);
    if (untrue.length > 0) {
      return problem('delivered means stored', `${laneText(lane)}: ${rangesText(untrue)} are not in the store`);
    }
    const wrongly = checkGivenUp(node, lane, trueBefore.get(lane) ?? NO_FATES, sides.told);
    if (wrongly) return wrongly;
    const unasked = subtract(fates.damaged, sides.told.deniedIn(name, lane.epoch, lane.lane));
    if (unasked.length > 0) {
      const detail = `${laneText(lane)}: ${rangesText(unasked)}, and the far side never said not to have them`;
      return problem('nothing is given up that may be stored', detail);
    }
    for (const { from, to } of lane.fates.damaged) {
      for (let position = from; position < to; position++) {
        const record = node.model.recordAt(lane.epoch, lane.lane, position);
        // Whose note of being given up was lost is found missing later.
        if (record?.damaged || record?.wasGivenUp) continue;
        return problem('nothing is given up but what rot took', `${laneText(lane)}: position ${position}`);
      }
    }
    trueBefore.set(lane, fates);
  }
  return undefined;
}

const laneText = ({ epoch, lane, end }: LaneState): string => `epoch ${epoch} lane ${lane} end ${end}`;
const rangesText = (ranges: RangeSet): string => ranges.map(({ from, to }) => `${from}–${to}`).join(' ');

/** Fates that were found true: the store forgets nothing, and rot is not undone. */
const trueBefore = new WeakMap<LaneState, LaneState['fates']>();
/** Lanes as they were when they were found right. Their parts are replaced, never changed. */
const rightBefore = new WeakMap<LaneState, readonly unknown[]>();

/** Unfinished positions below the end: each in exactly one of toSend, flights, held, doubt, missing, dying. */
function checkLane(lane: LaneState): string | undefined {
  const parts = [lane.end, lane.fates, lane.toSend, lane.flights, lane.held, lane.doubt, lane.missing, lane.dying];
  const before = rightBefore.get(lane);
  if (before && parts.every((part, at) => part === before[at])) return undefined;
  const wrong = placesOf(lane);
  if (wrong === undefined) rightBefore.set(lane, parts);
  return wrong;
}

function placesOf(lane: LaneState): string | undefined {
  const done = finished(lane.fates);
  const places = {
    toSend: lane.toSend,
    flights: subtract(rangeSetOf(lane.flights), done),
    held: rangeSetOf(lane.held),
    doubt: lane.doubt,
    missing: lane.missing,
    dying: rangeSetOf(lane.dying),
  };
  const all = rangeSetOf(Object.values(places).flat());
  const sum = Object.values(places).reduce((total, ranges) => total + countOf(ranges), 0);
  const waiting = subtract(lane.end > 0 ? [{ from: 0, to: lane.end }] : [], done);
  const wrong =
    sum !== countOf(all)
      ? 'in two places'
      : countOf(all) !== countOf(waiting) || countOf(addRanges(all, waiting)) !== countOf(waiting)
        ? 'in no place, or finished and in one'
        : undefined;
  if (wrong === undefined) return undefined;
  const text = Object.entries(places).map(([name, ranges]) => `${name} ${rangesText(ranges) || '–'}`);
  return `${wrong}: waiting ${rangesText(waiting) || '–'}; ${text.join(', ')}`;
}

/** Bounds of memory and disk. */
export function checkBounds(node: VirtualNode, up: EdgeNode): Problem | undefined {
  const { state } = up.inspect();
  const { maxBytes } = node.plan.journal;
  const segmentBytes = maxBytes / 8;
  // The quota, the segment that counters have to themselves, the head of a segment just begun, the forward log, and
  // what failed attempts leave until the disk lets go of it.
  const allowed = 1.5 * maxBytes + 3 * segmentBytes;
  const bytes = node.disk.bytes();
  if (node.disk.trouble === 'none' && bytes > allowed)
    return { invariant: 'the disk is bounded', detail: `${bytes} bytes, allowed ${allowed}: ${fileText(node)}` };
  const pieces = state.lanes.reduce(
    (sum, lane) => sum + lane.toSend.length + lane.held.length + lane.doubt.length + lane.missing.length,
    0,
  );
  const MAX_PIECES = 20_000;
  if (pieces > MAX_PIECES) {
    return { invariant: 'memory is bounded', detail: `${pieces} ranges in the forwarder, allowed ${MAX_PIECES}` };
  }
  const flights = state.lanes.reduce((sum, lane) => sum + lane.flights.length, 0);
  const MAX_FLIGHTS = 32;
  if (flights > MAX_FLIGHTS)
    return { invariant: 'memory is bounded', detail: `${flights} flights, allowed ${MAX_FLIGHTS}` };
  return undefined;
}

const fileText = ({ disk }: VirtualNode): string =>
  [...disk.files()].map(([name, { size }]) => `${name} ${size}`).join(', ');
