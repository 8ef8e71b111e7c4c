import { doubtful } from '../core/forward/doubt.ts';
import type { LaneState } from '../core/forward/state.ts';
import { deadLettersOf, givenUpOf, type LaneFates } from '../core/lane-fates.ts';
import { priorityOf } from '../core/priority.ts';
import { includes, intersect, type Range, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { Commit } from '../journal/journal-port.ts';
import type { Problem } from './check-node.ts';
import type { ModelRecord } from './model-state.ts';
import type { Told } from './told.ts';
import type { VirtualNode } from './virtual-node.ts';

/** What a node gave up since its fates were looked at last: each for its reason, and none before its time. */
export function checkGivenUp(
  node: VirtualNode,
  lane: LaneState,
  before: LaneFates,
  told: Pick<Told, 'deniedIn' | 'refusedIn'>,
): Problem | undefined {
  const { fates } = lane;
  const { priorities, node: name } = node.plan;
  const { retries, ttlMs } = priorities[priorityOf(lane.lane)];
  const problem = (invariant: string, detail: string): Problem => ({
    invariant,
    detail: `${name}: epoch ${lane.epoch} lane ${lane.lane}: ${detail}`,
  });
  const recordsOf = (ranges: RangeSet): ModelRecord[] =>
    positionsOf(ranges).flatMap((position) => node.model.recordAt(lane.epoch, lane.lane, position) ?? []);

  for (const record of recordsOf(subtract(fates.expired, before.expired))) {
    const { position } = record;
    if (ttlMs === 'never') return problem('nothing expires that lives for ever', `position ${position}`);
    const { ageMs, doubtMs } = node.ageOf(record);
    if (ageMs + doubtMs < ttlMs) {
      return problem('nothing expires before its time', `position ${position}: ${ageMs} ms old, allowed ${ttlMs}`);
    }
  }
  for (const [reason, ranges] of Object.entries(fates.deadLettered)) {
    const fresh = subtract(ranges, deadLettersOf(before));
    for (const { position, sends } of recordsOf(fresh)) {
      if (retries === 'infinite') return problem('critical is no dead letter', `position ${position}`);
      if (sends <= retries) {
        const detail = `position ${position}: sent ${sends} times, allowed ${retries} times more than once`;
        return problem('nothing is a dead letter before its retries are used up', detail);
      }
    }
    const unsaid = reason === 'no-answer' ? [] : subtract(fresh, told.refusedIn(name, lane.epoch, lane.lane, reason));
    if (unsaid.length > 0) return problem('a dead letter has the reason that the far side gave', textOf(unsaid));
  }
  if (lane.lane === 0 && fates.evicted.length > 0) return problem('critical is never evicted', textOf(fates.evicted));

  // Out of doubt: never sent, or the far side said that it has not got it.
  const sure = subtract(subtract(givenUpOf(fates), doubtful(lane)), told.deniedIn(name, lane.epoch, lane.lane));
  for (const { position, sends } of recordsOf(sure)) {
    if (sends > 0) return problem('nothing that may be stored is out of doubt', `position ${position}`);
  }
  noteGivenUp(node, lane, before);
  return undefined;
}

/** The account of the end needs to know what had a reason to be missing. */
function noteGivenUp({ model }: VirtualNode, { epoch, lane, fates }: LaneState, before: LaneFates): void {
  const [now, then] = [givenUpOf(fates), givenUpOf(before)];
  for (const position of positionsOf([...subtract(now, then), ...subtract(then, now)])) {
    const record = model.recordAt(epoch, lane, position);
    if (!record) continue;
    record.givenUp = includes(now, position);
    record.wasGivenUp ||= record.givenUp;
  }
}

/** What a commit pushed out, and when it began. */
interface PushedOut {
  commit: Pick<Commit, 'lanes'>;
  evicted: readonly (Range & { epoch: string; lane: number })[];
  sinceMs: number;
}

/**
 * What a commit pushed out: nothing that is more important than any of its own records; nothing of a class while a lower
 * one has records that wait, on readable blocks, and are not handed out to be sent.
 *
 * @param lanes of the forwarder, before it was told
 */
export function wrongEviction(
  node: VirtualNode,
  lanes: readonly LaneState[],
  { commit, evicted, sinceMs }: PushedOut,
): string | undefined {
  for (const { lane, epoch, from, to } of evicted) {
    const less = commit.lanes.find((one) => one.lane > lane);
    if (less) return `${epoch}/${lane}/${from}–${to} went for a commit with records of lane ${less.lane}`;
    for (const lower of lanes) {
      if (lower.lane <= lane) continue;
      const gone = evicted.filter((one) => one.epoch === lower.epoch && one.lane === lower.lane);
      // Delivered and evicted at the same time: the two overlap.
      const waits = subtract([{ from: 0, to: lower.end }], rangeSetOf([...gone, ...finishedOf(lower)]));
      const leased = node.model.leasedIn(lower.epoch, lower.lane, sinceMs);
      for (const position of positionsOf(subtract(waits, leased))) {
        const record = node.model.recordAt(lower.epoch, lower.lane, position);
        if (!record || record.damaged || record.takenMs >= sinceMs) continue;
        // It had its fate and went, and rot took the note of it: the lane waits for what is no more.
        if ((record.wasGivenUp || record.stores !== 0) && node.rotted.has('forward')) continue;
        return `${epoch}/${lane}/${from}–${to} went while ${lower.epoch}/${lower.lane}/${position} waits`;
      }
    }
  }
  return undefined;
}

const finishedOf = ({ fates }: LaneState): Range[] => [...fates.delivered, ...givenUpOf(fates)];

const positionsOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at));

const textOf = (ranges: RangeSet): string => ranges.map(({ from, to }) => `${from}–${to}`).join(' ');

/** Given up, in the store all the same, and out of doubt: a message that came after the far side had denied it. */
export const lateCopiesIn = (lane: LaneState, visible: RangeSet): RangeSet =>
  subtract(intersect(givenUpOf(lane.fates), visible), doubtful(lane));
