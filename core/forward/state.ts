import type { BudgetConfig } from '../budget-schema.ts';
import { changeFarSide, type DeliveredElsewhere, NOWHERE_ELSE } from '../far-sides.ts';
import type { TrafficClass } from '../flow.ts';
import type { Epoch } from '../identity.ts';
import {
  applyOutcome,
  type DeadLetterReason,
  finished,
  type LaneFates,
  laneName,
  NO_FATES,
  type Outcome,
  unfinished,
} from '../lane-fates.ts';
import type { Refusal } from '../messages.ts';
import { LANES, type Lane } from '../priority.ts';
import {
  addRange,
  addRanges,
  countOf,
  NO_RANGES,
  type Range,
  type RangeSet,
  rangeSetOf,
  subtract,
  withoutRanges,
} from '../ranges.ts';
import type { AgeMark } from './age.ts';
import { type Gate, type Meter, NEW_METER } from './budget.ts';
import { FULL_BUCKET, type Pace } from './pace.ts';

/** An envelope that was sent and not answered yet. Times are monotonic ms. */
export interface Flight extends Range {
  sentAt: number;
  timeoutAt: number;
  bytes: number;
  /** When its records were committed, for the latency figure; empty for records of an older epoch. */
  commits: readonly { count: number; atMs: number }[];
}

/** A range that the far side refused, and when it is tried again. */
export interface HeldRange extends Range {
  until: number;
  reason: Refusal;
}

/** A range whose retries are used up: it waits for its burial as a dead letter. */
export interface Dying extends Range {
  reason: DeadLetterReason;
  /** How often it was sent and failed. */
  attempts: number;
}

/** An envelope that nobody answered in its time. */
export interface Silence extends Range {
  timeoutAt: number;
}

/**
 * One lane of one epoch. Each position below `end` that has no fate is in exactly one of: toSend, a flight, held,
 * doubt, missing, dying.
 */
export interface LaneState {
  epoch: Epoch;
  lane: Lane;
  /** Positions below this have waited for a way out; the others are live. */
  backlogTo: number;
  /** Of its envelopes of late. */
  bytesPerRecord: number;
  /** Of an earlier opening. */
  recovered: boolean;
  end: number;
  fates: LaneFates;
  /** When its positions were enqueued (age.ts), ascending; the last one began at `markBegunMs`. */
  marks: readonly AgeMark[];
  markBegunMs: number;
  toSend: RangeSet;
  /**
   * Sent at least once, in this life of the node or perhaps in an earlier one. Whatever became of it on the way, it
   * may still arrive: until it is delivered or denied the far side may have it.
   */
  sent: RangeSet;
  /** Given up, and the far side said since that it has not got them: settled for good. */
  denied: RangeSet;
  /** Positions below this may leave now; the rest waits for `dueAt` (its sync interval) or for a full envelope. */
  releasedTo: number;
  dueAt: number | undefined;
  flights: readonly Flight[];
  held: readonly HeldRange[];
  /** Sent, not answered before the link or the far side went away: asked about before it is sent again. */
  doubt: RangeSet;
  /** On no readable block: delivered if the far side has it, else given up as damaged. */
  missing: RangeSet;
  dying: readonly Dying[];
  /** Timed out and not explained yet: a retry is used up once a later envelope of the lane is acknowledged. */
  silences: readonly Silence[];
  /** Their silence has used up a retry: a refusal that comes after all is no second failure of the same send. */
  blamed: RangeSet;
  askedAt: number | undefined;
  /** Timeouts in a row; set the length of the next one. */
  setbacks: number;
}

/** `unknown` = connected anew, nothing heard yet. Only an answer of ingest itself makes it `up`. */
export type FarState = 'unknown' | 'up' | 'down';

export interface ForwardState {
  link: boolean;
  far: FarState;
  farSide: string | undefined;
  /** What other far sides than that one have. */
  elsewhere: DeliveredElsewhere;
  lastAnswerAt: number;
  /** Wall clock minus the monotonic one, and whether it can be trusted: as of now. */
  wallOffsetMs: number;
  synced: boolean;
  meter: Meter;
  /** As it stood last, and for which budget. */
  gate: (Gate & { sinceMs: number; budget: BudgetConfig }) | undefined;
  pace: Pace;
  /** The journal's age clock minus the monotonic one. */
  ageOffsetMs: number;
  /** Oldest epoch first. */
  lanes: LaneState[];
  /** Records of the lanes that are in that list no more. */
  forgotten: number;
  probes: Record<TrafficClass, { attempts: number; at: number }>;
  statementAt: number;
  refusals: Partial<Record<Refusal, number>>;
}

export function newForwardState(lanes: LaneState[], ageOffsetMs = 0): ForwardState {
  return {
    link: false,
    far: 'unknown',
    farSide: undefined,
    elsewhere: NOWHERE_ELSE,
    lastAnswerAt: Number.NEGATIVE_INFINITY,
    ageOffsetMs,
    wallOffsetMs: 0,
    synced: true,
    meter: NEW_METER,
    gate: undefined,
    pace: { total: FULL_BUCKET, lanes: LANES.map(() => FULL_BUCKET), owed: { critical: 0, others: 0 } },
    lanes,
    forgotten: 0,
    probes: { critical: { attempts: 0, at: 0 }, bulk: { attempts: 0, at: 0 } },
    statementAt: 0,
    refusals: {},
  };
}

/** A lane as the journal found it at opening: everything that waits may leave at once. */
export function recoveredLane(
  epoch: Epoch,
  lane: Lane,
  found: { available: RangeSet; end: number; marks: readonly AgeMark[]; fates: LaneFates },
): LaneState {
  const all = found.end > 0 ? [{ from: 0, to: found.end }] : NO_RANGES;
  const toSend = unfinished(found.fates, found.available);
  return {
    ...emptyLane(epoch, lane),
    recovered: true,
    backlogTo: found.end,
    end: found.end,
    fates: found.fates,
    marks: found.marks,
    toSend,
    // Nobody kept account of what was sent. What the far side has taken down as given up was denied before.
    sent: all,
    denied: found.fates.stated,
    releasedTo: found.end,
    missing: subtract(unfinished(found.fates, all), toSend),
  };
}

/** Until the first envelope of a lane is made. */
const GUESSED_BYTES = 4;

export function emptyLane(epoch: Epoch, lane: Lane): LaneState {
  return {
    epoch,
    lane,
    recovered: false,
    backlogTo: 0,
    bytesPerRecord: GUESSED_BYTES,
    end: 0,
    fates: NO_FATES,
    marks: [],
    markBegunMs: Number.NEGATIVE_INFINITY,
    toSend: NO_RANGES,
    sent: NO_RANGES,
    denied: NO_RANGES,
    releasedTo: 0,
    dueAt: undefined,
    flights: [],
    held: [],
    doubt: NO_RANGES,
    missing: NO_RANGES,
    dying: [],
    silences: [],
    blamed: NO_RANGES,
    askedAt: undefined,
    setbacks: 0,
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
  for (const lane of state.lanes) {
    groundFlights(lane);
    lane.silences = []; // the link explains them
  }
}

/**
 * Another far side answers from now on. It has taken nothing down and denied nothing: it is asked and told anew.
 *
 * @param retired delivered records of forgotten lanes, by priority
 */
export function noteOtherFarSide(
  state: ForwardState,
  change: { from: string; to: string },
  retired: readonly number[],
): void {
  const delivered = Object.fromEntries(
    state.lanes.map((lane) => [laneName(lane.epoch, lane.lane), lane.fates.delivered]),
  );
  state.elsewhere = changeFarSide(state.elsewhere, change, delivered, retired);
  for (const lane of state.lanes) {
    lane.fates = { ...lane.fates, stated: NO_RANGES };
    lane.denied = NO_RANGES;
  }
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
  lane.blamed = subtract(lane.blamed, [flight]);
  lane.sent = addRange(lane.sent, flight);
  lane.flights = [...lane.flights, flight];
}

/** Positions that could not be read: the far side is asked whether it has them. */
export function noteMissing(lane: LaneState, missing: RangeSet): void {
  lane.toSend = subtract(lane.toSend, missing);
  lane.dying = withoutRanges(lane.dying, missing);
  lane.missing = addRanges(lane.missing, unfinished(lane.fates, missing));
}

/**
 * Gives positions a final fate, wherever they are. A flight goes on: its answer may still say that it is stored.
 *
 * @param range all that has this outcome: a lane may be in hundreds of pieces, and each time all of it is gone through.
 *   @default its own range
 */
export function noteOutcome(
  lane: LaneState,
  outcome: Outcome,
  range: RangeSet = [{ from: outcome.from, to: outcome.to }],
): void {
  lane.fates = applyOutcome(lane.fates, outcome, range);
  lane.toSend = subtract(lane.toSend, range);
  lane.doubt = subtract(lane.doubt, range);
  lane.missing = subtract(lane.missing, range);
  lane.held = withoutRanges(lane.held, range);
  lane.dying = withoutRanges(lane.dying, range);
  lane.silences = withoutRanges(lane.silences, range);
}

/** So many sends have failed: the positions stay where they are. */
export function noteTried(lane: LaneState, outcome: Outcome): void {
  lane.fates = applyOutcome(lane.fates, outcome);
}

export const waitingIn = (lane: LaneState): number => lane.end - countOf(finished(lane.fates));
