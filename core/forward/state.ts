import type { TrafficClass } from '../flow.ts';
import type { Epoch } from '../identity.ts';
import { finished, type LaneFates, unfinished } from '../lane-fates.ts';
import type { Refusal } from '../messages.ts';
import type { Lane } from '../priority.ts';
import { addRange, addRanges, countOf, NO_RANGES, type Range, type RangeSet, rangeSetOf, subtract } from '../ranges.ts';

/** An envelope that was sent and not answered yet. Times are monotonic ms. */
export interface Flight extends Range {
  sentAt: number;
  timeoutAt: number;
  /** When its records were committed, for the latency figure; empty for records of an older epoch. */
  commits: readonly { count: number; atMs: number }[];
}

/** A range that the far side refused, and when it is tried again. */
export interface HeldRange extends Range {
  until: number;
  reason: Refusal;
}

/**
 * One lane of one epoch. Each position below `end` that has no fate is in exactly one of: toSend, a flight, held,
 * doubt, missing.
 */
export interface LaneState {
  epoch: Epoch;
  lane: Lane;
  end: number;
  fates: LaneFates;
  toSend: RangeSet;
  /**
   * Sent at least once, in this life of the node or perhaps in an earlier one. Whatever became of it on the way, it
   * may still arrive: until it has a fate the far side may have it.
   */
  sent: RangeSet;
  /** Positions below this may leave now; the rest waits for `dueAt` (its sync interval) or for a full envelope. */
  releasedTo: number;
  dueAt: number | undefined;
  flights: readonly Flight[];
  held: readonly HeldRange[];
  /** Sent, not answered before the link or the far side went away: asked about before it is sent again. */
  doubt: RangeSet;
  /** On no readable block: delivered if the far side has it, else given up as damaged. */
  missing: RangeSet;
  askedAt: number | undefined;
  /** Timeouts and refusals in a row; sets the length of the next timeout. */
  setbacks: number;
  /** Given-up positions that the far side has taken down. */
  givenUpStated: RangeSet;
}

/** `unknown` = connected anew, nothing heard yet. Only an answer of ingest itself makes it `up`. */
export type FarState = 'unknown' | 'up' | 'down';

export interface ForwardState {
  link: boolean;
  far: FarState;
  farSide: string | undefined;
  lastAnswerAt: number;
  /** Oldest epoch first. */
  lanes: LaneState[];
  probes: Record<TrafficClass, { attempts: number; at: number }>;
  statementAt: number;
  refusals: Partial<Record<Refusal, number>>;
}

export function newForwardState(lanes: LaneState[]): ForwardState {
  return {
    link: false,
    far: 'unknown',
    farSide: undefined,
    lastAnswerAt: Number.NEGATIVE_INFINITY,
    lanes,
    probes: { critical: { attempts: 0, at: 0 }, bulk: { attempts: 0, at: 0 } },
    statementAt: 0,
    refusals: {},
  };
}

/** A lane as the journal found it at opening: everything that waits may leave at once. */
export function recoveredLane(
  epoch: Epoch,
  lane: Lane,
  found: { available: RangeSet; end: number; fates: LaneFates },
): LaneState {
  const waiting = unfinished(found.fates, found.end > 0 ? [{ from: 0, to: found.end }] : NO_RANGES);
  const toSend = unfinished(found.fates, found.available);
  return {
    ...emptyLane(epoch, lane),
    end: found.end,
    fates: found.fates,
    toSend,
    sent: waiting,
    releasedTo: found.end,
    missing: subtract(waiting, toSend),
  };
}

export function emptyLane(epoch: Epoch, lane: Lane): LaneState {
  return {
    epoch,
    lane,
    end: 0,
    fates: { delivered: NO_RANGES, givenUp: NO_RANGES },
    toSend: NO_RANGES,
    sent: NO_RANGES,
    releasedTo: 0,
    dueAt: undefined,
    flights: [],
    held: [],
    doubt: NO_RANGES,
    missing: NO_RANGES,
    askedAt: undefined,
    setbacks: 0,
    givenUpStated: NO_RANGES,
  };
}

/** New records were committed: positions [lane.end, end) may leave at `dueAt` at the latest. */
export function noteEnqueued(lane: LaneState, end: number, dueAt: number): void {
  lane.toSend = addRange(lane.toSend, { from: lane.end, to: end });
  lane.end = end;
  lane.dueAt = Math.min(lane.dueAt ?? Number.POSITIVE_INFINITY, dueAt);
}

export function noteLink(state: ForwardState, connected: boolean, now: number): void {
  state.link = connected;
  state.far = 'unknown';
  resetProbes(state, now);
  for (const lane of state.lanes) groundFlights(lane);
}

export function resetProbes(state: ForwardState, now: number): void {
  state.probes = { critical: { attempts: 0, at: now }, bulk: { attempts: 0, at: now } };
  for (const lane of state.lanes) lane.askedAt = undefined;
}

/** Every unanswered envelope of the lane is in doubt now. */
export function groundFlights(lane: LaneState, grounded: readonly Flight[] = lane.flights): void {
  if (grounded.length === 0) return;
  lane.flights = lane.flights.filter((flight) => !grounded.includes(flight));
  lane.doubt = addRanges(lane.doubt, unfinished(lane.fates, rangeSetOf(grounded)));
}

export function noteSent(lane: LaneState, flight: Flight): void {
  lane.toSend = subtract(lane.toSend, [flight]);
  lane.sent = addRange(lane.sent, flight);
  lane.flights = [...lane.flights, flight];
}

/** Positions that could not be read: the far side is asked whether it has them. */
export function noteMissing(lane: LaneState, missing: RangeSet): void {
  lane.toSend = subtract(lane.toSend, missing);
  lane.missing = addRanges(lane.missing, unfinished(lane.fates, missing));
}

/** Forgets lanes that will never have anything to do or to state again. */
export function dropFinishedLanes(state: ForwardState, current: Epoch): void {
  state.lanes = state.lanes.filter(
    (lane) =>
      lane.epoch === current || waitingIn(lane) > 0 || countOf(subtract(lane.fates.givenUp, lane.givenUpStated)) > 0,
  );
}

export const waitingIn = (lane: LaneState): number => lane.end - countOf(finished(lane.fates));

/** Waiting, and the far side may have it. */
export const inDoubtIn = (lane: LaneState): number => countOf(unfinished(lane.fates, lane.sent));
