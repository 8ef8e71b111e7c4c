import { REAL_TIME_MS } from '../fleet.ts';
import type { Lane } from '../priority.ts';
import { addRanges, countOf, type Range, type RangeSet, within } from '../ranges.ts';
import { type Gate, gateAt, MESSAGE_OVERHEAD_BYTES, meterAt, meterBytes, type WallTime } from './budget.ts';
import { refilled, waitOf, withdrawn } from './pace.ts';
import { cutAtTries } from './retries.ts';
import { type ForwardSettings, termsOf } from './settings.ts';
import type { ForwardState, LaneState } from './state.ts';

export interface PlannedSend extends Range {
  lane: LaneState;
}

/** Waits, and its sync interval is over. */
export const sendable = (lane: LaneState): RangeSet => within(lane.toSend, { from: 0, to: lane.releasedTo });

/**
 * How long new records of a lane may wait for company, ms. What is critical and real time waits for none: all the others
 * save envelopes by it, here a moment is worth more.
 */
export const gatherMs = (lane: Lane, maxDelayMs: number): number =>
  lane === 0 && maxDelayMs <= REAL_TIME_MS ? 0 : maxDelayMs;

/** Which records may leave now. Kept until it changes: schedules are not looked up for each envelope. */
export function gateOf(state: ForwardState, now: number, { budget }: ForwardSettings): Gate {
  const wallMs = now + state.wallOffsetMs;
  if (state.gate && state.gate.budget === budget && wallMs < state.gate.untilMs && wallMs >= state.gate.sinceMs) {
    return state.gate;
  }
  // A clock that is not synchronised can not tell a window.
  const windows = state.synced ? budget.windows : [];
  const gate = gateAt({ ...budget, windows }, state.meter, { wallMs, synced: state.synced });
  // What has waited for the gate is backlog: what is enqueued from now on is live.
  if (gate.others && state.gate?.others === false) for (const lane of state.lanes) lane.backlogTo = lane.end;
  state.gate = { ...gate, budget, sinceMs: wallMs };
  return gate;
}

/** Looks at the wall clock: schedules go by it, once it is synchronised. */
export function noteClock(state: ForwardState, now: number, wall: WallTime): void {
  if (wall.synced !== state.synced) state.gate = undefined;
  state.synced = wall.synced;
  state.wallOffsetMs = wall.wallMs - now;
  state.meter = meterAt(state.meter, wall);
}

/** So many bytes were sent or received, with what carries them. */
export function noteTraffic(state: ForwardState, bytes: number, now: number): void {
  const whole = bytes + MESSAGE_OVERHEAD_BYTES;
  state.meter = meterBytes(state.meter, whole, { wallMs: now + state.wallOffsetMs, synced: state.synced });
  state.pace.total = withdrawn(state.pace.total, whole);
  state.gate = state.gate && { ...state.gate, untilMs: Number.NEGATIVE_INFINITY };
}

/** An envelope of the lane was sent. */
export function noteEnvelope(state: ForwardState, lane: LaneState, range: Range, bytes: number, now: number): void {
  noteTraffic(state, bytes, now);
  state.pace.lanes[lane.lane] = withdrawn(state.pace.lanes[lane.lane]!, bytes + MESSAGE_OVERHEAD_BYTES);
  lane.bytesPerRecord = (bytes / (range.to - range.from) + lane.bytesPerRecord) / 2;
}

/** ms until another envelope of the lane may leave; 0 = now, infinite = the gate is closed to it. */
export function waitToSend(state: ForwardState, lane: LaneState, now: number, settings: ForwardSettings): number {
  const gate = gateOf(state, now, settings);
  if (!(lane.lane === 0 ? gate.critical : gate.others)) return Number.POSITIVE_INFINITY;
  const rate = termsOf(settings, lane.lane).bytesPerSecond;
  const { bytesPerSecond } = settings.budget;
  const { pace } = state;
  pace.total = refilled(pace.total, bytesPerSecond, now);
  pace.lanes[lane.lane] = refilled(pace.lanes[lane.lane]!, rate, now);
  // What all classes share does not hold back critical: it goes first, and the others pay for it.
  return Math.max(lane.lane === 0 ? 0 : waitOf(pace.total, bytesPerSecond), waitOf(pace.lanes[lane.lane]!, rate));
}

/**
 * Critical first, then what is new, by priority; backlog has its share for sure while there is something new, and all
 * the room otherwise. Older epochs first within it.
 *
 * @returns monotonic ms at which more may leave although nothing happens; infinite = nothing is held back by time
 */
export function planSends(
  state: ForwardState,
  now: number,
  settings: ForwardSettings,
): { sends: PlannedSend[]; wakeAt: number } {
  const { limits } = settings;
  const gate = gateOf(state, now, settings);
  let wakeAt = gate.others ? Number.POSITIVE_INFINITY : now + gate.untilMs - (now + state.wallOffsetMs);
  const flights = state.lanes.flatMap((lane) => lane.flights);
  let flying = flights.length;
  let flyingBytes = flights.reduce((sum, { bytes }) => sum + bytes, 0);
  const sends: PlannedSend[] = [];
  const byPriority = [...state.lanes].sort((a, b) => a.lane - b.lane);

  for (const urgent of [true, false]) {
    const room = urgent ? 2 : 1;
    const open = byPriority.filter((lane) => {
      if ((lane.lane === 0) !== urgent || sendable(lane).length === 0) return false;
      const waitMs = waitToSend(state, lane, now, settings);
      if (Number.isFinite(waitMs) && waitMs > 0) wakeAt = Math.min(wakeAt, now + waitMs);
      return waitMs === 0;
    });
    const queues = { live: piecesOf(open, true, settings), backlog: piecesOf(open, false, settings) };
    while (flying < room * limits.maxFlights && flyingBytes < room * limits.maxFlightBytes) {
      const send = takeNext(state, queues, urgent ? 'critical' : 'others', settings.budget.backlogShare);
      if (!send) break;
      sends.push(send);
      flying++;
      flyingBytes += bytesOf(send);
    }
  }
  return { sends, wakeAt };
}

type Queue = Iterator<PlannedSend, undefined>;
interface Queues {
  live: Queue;
  backlog: Queue;
}

/** Live runs up a debt with the backlog, which is paid before anything live leaves again. */
function takeNext(
  state: ForwardState,
  queues: Queues,
  group: 'critical' | 'others',
  share: number,
): PlannedSend | undefined {
  const { owed } = state.pace;
  const first = owed[group] > 0 ? 'backlog' : 'live';
  let kind: keyof Queues = first;
  let send = queues[kind].next().value;
  if (!send) {
    kind = first === 'live' ? 'backlog' : 'live';
    send = queues[kind].next().value;
    // One of the two has nothing to send: nobody owes anything.
    owed[group] = 0;
  } else if (kind === 'live') owed[group] += (bytesOf(send) * share) / (1 - share);
  else owed[group] -= bytesOf(send);
  return send;
}

const bytesOf = ({ lane, from, to }: PlannedSend): number => (to - from) * lane.bytesPerRecord;

/** What is sendable, in pieces of an envelope each, as far as it is asked for. */
function* piecesOf(
  lanes: readonly LaneState[],
  live: boolean,
  { limits }: ForwardSettings,
): Generator<PlannedSend, undefined> {
  for (const lane of lanes) {
    const part = within(
      sendable(lane),
      live ? { from: lane.backlogTo, to: lane.end } : { from: 0, to: lane.backlogTo },
    );
    for (const range of cutAtTries(lane, part)) {
      for (let from = range.from; from < range.to; from += limits.maxRecords) {
        yield { lane, from, to: Math.min(range.to, from + limits.maxRecords) };
      }
    }
  }
  return undefined;
}

/** More waits than may fly at once: then it is backlog, and only what is enqueued from now on is live. */
export function noteBacklog(lane: LaneState, { limits }: ForwardSettings): void {
  const live = within(addRanges(lane.toSend, lane.doubt), { from: lane.backlogTo, to: lane.releasedTo });
  if (countOf(live) > limits.maxFlights * limits.maxRecords) lane.backlogTo = lane.end;
}

/** All that waits now is backlog. */
export function noteGathered(state: ForwardState): void {
  for (const lane of state.lanes) lane.backlogTo = lane.end;
}
