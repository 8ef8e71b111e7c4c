import { type TrafficClass, trafficClassOf } from '../flow.ts';
import { PRODUCER } from '../identity.ts';
import { MAX_KNOWN_RANGES, type Question } from '../messages.ts';
import { MAX_PROBE_INTERVAL_MS, priorityOf, RESEND_POLICIES } from '../priority.ts';
import { addRanges, countOf, type Range, type RangeSet, subtract, within } from '../ranges.ts';
import { type ForwardState, groundFlights, type LaneState, waitingIn } from './state.ts';

export interface ForwardLimits {
  /** Envelopes sent and not answered, over all lanes; critical may go beyond by as many again. */
  maxFlights: number;
  maxRecords: number;
  /** Time between two count statements. */
  statementEveryMs: number;
}

export interface PlannedSend extends Range {
  lane: LaneState;
}
export interface ForwardPlan {
  sends: PlannedSend[];
  questions: { traffic: TrafficClass; question: Question }[];
  /** Monotonic ms at which there may be something to do even if nothing happens. */
  wakeAt: number;
}

/**
 * What to send now. First it lets time pass in the state (due intervals, timeouts, refused ranges whose wait is over),
 * then it looks at the state only.
 *
 * @param fraction a random number, 0 ≤ x < 1, for jitter
 */
export function planForward(state: ForwardState, now: number, fraction: number, limits: ForwardLimits): ForwardPlan {
  for (const lane of state.lanes) passTime(state, lane, now, limits);
  const plan: ForwardPlan = { sends: [], questions: [], wakeAt: Number.POSITIVE_INFINITY };
  if (state.link) {
    if (state.far === 'up') {
      askAboutDoubt(state, now, plan);
      planSends(state, limits, plan);
      planStatement(state, now, limits, plan);
    } else {
      for (const traffic of ['critical', 'bulk'] as const) probe(state, traffic, now, fraction, plan);
    }
  }
  for (const lane of state.lanes) plan.wakeAt = Math.min(plan.wakeAt, nextEventOf(lane));
  return plan;
}

/** How long an answer is waited for: longer after each setback in a row. */
export function timeoutMs(lane: LaneState): number {
  const policy = RESEND_POLICIES[priorityOf(lane.lane)];
  return Math.min(policy.maxTimeoutMs, policy.initialTimeoutMs * policy.backoffFactor ** lane.setbacks);
}

function passTime(state: ForwardState, lane: LaneState, now: number, limits: ForwardLimits): void {
  const unreleased = lane.end - lane.releasedTo;
  if (lane.dueAt !== undefined && (lane.dueAt <= now || unreleased >= limits.maxRecords)) {
    lane.releasedTo = lane.end;
    lane.dueAt = undefined;
  }
  const over = lane.held.filter((held) => held.until <= now);
  if (over.length > 0) {
    lane.held = lane.held.filter((held) => held.until > now);
    for (const { from, to } of over) lane.toSend = addRanges(lane.toSend, [{ from, to }]);
  }
  const late = lane.flights.filter((flight) => flight.timeoutAt <= now);
  if (late.length === 0) return;
  lane.setbacks++;
  groundFlights(lane, late);
  // Silence about an envelope while nothing else is answered either means: the far side is away.
  if (late.some((flight) => state.lastAnswerAt <= flight.sentAt)) state.far = state.far === 'up' ? 'down' : state.far;
}

/** Ranges in doubt or missing are asked about, one question a lane at a time. */
function askAboutDoubt(state: ForwardState, now: number, plan: ForwardPlan): void {
  for (const lane of state.lanes) {
    const ranges = openRanges(lane);
    if (ranges.length === 0) continue;
    const nextAt = lane.askedAt === undefined ? now : lane.askedAt + timeoutMs(lane);
    if (nextAt > now) plan.wakeAt = Math.min(plan.wakeAt, nextAt);
    else {
      lane.askedAt = now;
      plan.questions.push({
        traffic: trafficClassOf(lane.lane),
        question: { type: 'status', lanes: [asked(lane, ranges)] },
      });
      plan.wakeAt = Math.min(plan.wakeAt, now + timeoutMs(lane));
    }
  }
}

const openRanges = (lane: LaneState): RangeSet => addRanges(lane.doubt, lane.missing).slice(0, MAX_KNOWN_RANGES);

const asked = ({ epoch, lane }: LaneState, ranges: RangeSet) => ({
  producer: PRODUCER,
  epoch,
  lane,
  ranges: [...ranges],
});

/** One question a class and backoff step: it costs little, and its answer proves that ingest itself is there. */
function probe(state: ForwardState, traffic: TrafficClass, now: number, fraction: number, plan: ForwardPlan): void {
  const waiting = state.lanes.filter((lane) => trafficClassOf(lane.lane) === traffic && hasBusiness(lane));
  const first = waiting[0];
  if (!first) return;
  const timer = state.probes[traffic];
  if (timer.at <= now) {
    const policy = RESEND_POLICIES[priorityOf(first.lane)];
    const wait = Math.min(MAX_PROBE_INTERVAL_MS, policy.initialTimeoutMs * policy.backoffFactor ** timer.attempts);
    timer.at = now + wait * (0.9 + 0.1 * fraction); // never later than the promised interval
    timer.attempts++;
    const lanes = waiting.slice(0, MAX_PROBED_LANES).map((lane) => asked(lane, rangesToProbe(lane)));
    plan.questions.push({ traffic, question: { type: 'status', lanes } });
  }
  plan.wakeAt = Math.min(plan.wakeAt, timer.at);
}

const MAX_PROBED_LANES = 20;

/** Something of the lane should leave, or be answered, now. */
function hasBusiness(lane: LaneState): boolean {
  return openRanges(lane).length + lane.flights.length + sendable(lane).length + unstated(lane).length > 0;
}

/** Given up, and the far side has not taken it down yet. */
const unstated = (lane: LaneState): RangeSet => subtract(lane.fates.givenUp, lane.givenUpStated);

function rangesToProbe(lane: LaneState): RangeSet {
  const open = openRanges(lane);
  if (open.length > 0) return open;
  const { from, to } = sendable(lane)[0] ?? lane.flights[0] ?? unstated(lane)[0]!;
  return [{ from, to }];
}

const sendable = (lane: LaneState): RangeSet => within(lane.toSend, { from: 0, to: lane.releasedTo });

/** Critical first, then by priority, older epochs first within it. */
function planSends(state: ForwardState, limits: ForwardLimits, plan: ForwardPlan): void {
  let flying = state.lanes.reduce((sum, lane) => sum + lane.flights.length, 0);
  for (const lane of [...state.lanes].sort((a, b) => a.lane - b.lane)) {
    const allowed = lane.lane === 0 ? 2 * limits.maxFlights : limits.maxFlights;
    for (const range of sendable(lane)) {
      for (let from = range.from; from < range.to && flying < allowed; from += limits.maxRecords, flying++) {
        plan.sends.push({ lane, from, to: Math.min(range.to, from + limits.maxRecords) });
      }
    }
  }
}

/** Tells the far side up to where the node has counted, and what will never come. */
function planStatement(state: ForwardState, now: number, limits: ForwardLimits, plan: ForwardPlan): void {
  if (state.statementAt <= now) {
    state.statementAt = now + limits.statementEveryMs;
    const question = statementOf(state);
    if (question) plan.questions.push({ traffic: 'bulk', question });
  }
  plan.wakeAt = Math.min(plan.wakeAt, state.statementAt);
}

/** The count statement of all lanes that ever had a record; undefined if there is none. */
export function statementOf(state: ForwardState): Question | undefined {
  const lanes = state.lanes
    .filter((lane) => lane.end > 0)
    .slice(-MAX_STATED_LANES)
    .map((lane) => ({
      producer: PRODUCER,
      epoch: lane.epoch,
      lane: lane.lane,
      upTo: lane.end,
      delivered: countOf(lane.fates.delivered),
      givenUp: [...unstated(lane)].slice(0, MAX_KNOWN_RANGES),
    }));
  return lanes.length > 0 ? { type: 'counts', lanes } : undefined;
}

const MAX_STATED_LANES = 200;

function nextEventOf(lane: LaneState): number {
  const held = lane.held.map(({ until }) => until);
  const flights = lane.flights.map(({ timeoutAt }) => timeoutAt);
  return Math.min(lane.dueAt ?? Number.POSITIVE_INFINITY, ...held, ...flights);
}

export const isIdle = (state: ForwardState): boolean => state.lanes.every((lane) => waitingIn(lane) === 0);
