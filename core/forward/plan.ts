import { elsewhereIn } from '../far-sides.ts';
import { type TrafficClass, trafficClassOf } from '../flow.ts';
import { PRODUCER } from '../identity.ts';
import { deadLettersOf, laneName, type Outcome, triesOf, unstated } from '../lane-fates.ts';
import {
  type CountStatement,
  MAX_KNOWN_RANGES,
  MAX_STATED_LANES,
  type Question,
  type RestOfLane,
} from '../messages.ts';
import { MAX_PROBE_INTERVAL_MS } from '../priority.ts';
import { addRanges, countOf, type Range, type RangeSet, rangeSetOf, subtract } from '../ranges.ts';
import { expire, expiresAt } from './age.ts';
import type { Gate } from './budget.ts';
import { doubtful, doubtfulGivenUp, inDoubtIn } from './doubt.ts';
import { condemn, noteSilence } from './retries.ts';
import { gateOf, noteBacklog, type PlannedSend, planSends, sendable } from './sends.ts';
import { backoffMs, type ForwardLimits, type ForwardSettings, termsOf } from './settings.ts';
import { type Dying, type ForwardState, groundFlights, type LaneState, waitingIn } from './state.ts';

export interface PlannedBurial extends Dying {
  lane: LaneState;
}
export interface ForwardPlan {
  /** Fates that time alone has brought: for the forward log. */
  outcomes: Outcome[];
  /** Retries are used up: to be buried, then settled as dead letters. */
  deadLetters: PlannedBurial[];
  sends: PlannedSend[];
  questions: { traffic: TrafficClass; question: Question }[];
  /** Monotonic ms at which there may be something to do even if nothing happens. */
  wakeAt: number;
}

/**
 * What to send, to expire and to bury now. First it lets time pass in the state (due intervals, timeouts, refused
 * ranges whose wait is over, times to live), then it looks at the state only.
 *
 * @param now monotonic ms
 * @param fraction a random number, 0 ≤ x < 1, for jitter
 */
export function planForward(
  state: ForwardState,
  now: number,
  fraction: number,
  settings: ForwardSettings,
): ForwardPlan {
  const { limits } = settings;
  const plan: ForwardPlan = {
    outcomes: [],
    deadLetters: [],
    sends: [],
    questions: [],
    wakeAt: Number.POSITIVE_INFINITY,
  };
  for (const lane of state.lanes) {
    passTime(state, lane, now, limits);
    noteBacklog(lane, settings);
    condemn(lane, termsOf(settings, lane.lane));
    plan.outcomes.push(...expire(state, lane, now, settings));
    plan.deadLetters.push(...lane.dying.map((dying) => ({ lane, ...dying })));
  }
  const gate = gateOf(state, now, settings);
  if (state.link) {
    if (state.far === 'up') {
      askAboutDoubt(state, now, gate, settings, plan);
      const { sends, wakeAt } = planSends(state, now, settings);
      plan.sends = sends;
      plan.wakeAt = Math.min(plan.wakeAt, wakeAt);
      if (gate.others) planStatement(state, now, limits, plan);
    } else {
      for (const traffic of ['critical', 'bulk'] as const) {
        if (mayAsk(gate, traffic)) probe(state, traffic, now, fraction, settings, plan);
      }
      if (!gate.others) plan.wakeAt = Math.min(plan.wakeAt, gate.untilMs - state.wallOffsetMs);
    }
  }
  for (const lane of state.lanes) {
    plan.wakeAt = Math.min(plan.wakeAt, nextEventOf(lane), expiresAt(state, lane, settings));
  }
  return plan;
}

/** How long the answer to an envelope is waited for: longer after each timeout in a row, and each failure of its own. */
export const timeoutMs = (lane: LaneState, range: Range, fraction: number, settings: ForwardSettings): number =>
  backoffMs(termsOf(settings, lane.lane), Math.max(lane.setbacks, triesOf(lane.fates, range)), fraction);

function passTime(state: ForwardState, lane: LaneState, now: number, limits: ForwardLimits): void {
  const unreleased = lane.end - lane.releasedTo;
  if (lane.dueAt !== undefined && (lane.dueAt <= now || unreleased >= limits.maxRecords)) {
    lane.releasedTo = lane.end;
    lane.dueAt = undefined;
  }
  if (lane.held.some((held) => held.until <= now)) {
    lane.toSend = addRanges(lane.toSend, rangeSetOf(lane.held.filter((held) => held.until <= now)));
    lane.held = lane.held.filter((held) => held.until > now);
  }
  const late = lane.flights.filter((flight) => flight.timeoutAt <= now);
  if (late.length === 0) return;
  lane.setbacks++;
  groundFlights(lane, late);
  noteSilence(lane, late);
  // Silence about an envelope while nothing else is answered either means: the far side is away.
  if (late.some((flight) => state.lastAnswerAt <= flight.sentAt)) state.far = state.far === 'up' ? 'down' : state.far;
}

/** Ranges in doubt or missing are asked about, one question a lane at a time. */
function askAboutDoubt(
  state: ForwardState,
  now: number,
  gate: Gate,
  settings: ForwardSettings,
  plan: ForwardPlan,
): void {
  for (const lane of state.lanes) {
    const ranges = mayAsk(gate, trafficClassOf(lane.lane)) ? openRanges(lane) : [];
    if (ranges.length === 0) continue;
    const waitMs = backoffMs(termsOf(settings, lane.lane), lane.setbacks, 0);
    const nextAt = lane.askedAt === undefined ? now : lane.askedAt + waitMs;
    if (nextAt > now) plan.wakeAt = Math.min(plan.wakeAt, nextAt);
    else {
      lane.askedAt = now;
      plan.questions.push({
        traffic: trafficClassOf(lane.lane),
        question: { type: 'status', lanes: [asked(lane, ranges)] },
      });
      plan.wakeAt = Math.min(plan.wakeAt, now + waitMs);
    }
  }
}

const mayAsk = (gate: Gate, traffic: TrafficClass): boolean => (traffic === 'critical' ? gate.critical : gate.others);

/** In doubt, missing, or given up although it may have been sent: the far side is asked. */
function openRanges(lane: LaneState): RangeSet {
  const givenUp = subtract(doubtfulGivenUp(lane), rangeSetOf(lane.flights));
  return [lane.doubt, lane.missing, givenUp].reduce(addRanges).slice(0, MAX_KNOWN_RANGES);
}

const asked = ({ epoch, lane }: LaneState, ranges: RangeSet) => ({
  producer: PRODUCER,
  epoch,
  lane,
  ranges: [...ranges],
});

/** One question a class and backoff step: it costs little, and its answer proves that ingest itself is there. */
function probe(
  state: ForwardState,
  traffic: TrafficClass,
  now: number,
  fraction: number,
  settings: ForwardSettings,
  plan: ForwardPlan,
): void {
  const waiting = state.lanes.filter((lane) => trafficClassOf(lane.lane) === traffic && hasBusiness(lane));
  const first = waiting[0];
  if (!first) return;
  const timer = state.probes[traffic];
  if (timer.at <= now) {
    timer.at =
      now + Math.min(MAX_PROBE_INTERVAL_MS, backoffMs(termsOf(settings, first.lane), timer.attempts, fraction));
    timer.attempts++;
    const lanes = waiting.slice(0, MAX_PROBED_LANES).map((lane) => asked(lane, rangesToProbe(lane)));
    plan.questions.push({ traffic, question: { type: 'status', lanes } });
  }
  plan.wakeAt = Math.min(plan.wakeAt, timer.at);
}

const MAX_PROBED_LANES = 20;

/** Something of the lane should leave, or be answered, now. */
export function hasBusiness(lane: LaneState): boolean {
  return openRanges(lane).length + lane.flights.length + sendable(lane).length + statable(lane).length > 0;
}

/** Given up for good, and the far side has not taken it down yet. */
const statable = (lane: LaneState): RangeSet => subtract(unstated(lane.fates), doubtful(lane));

function rangesToProbe(lane: LaneState): RangeSet {
  const open = openRanges(lane);
  if (open.length > 0) return open;
  const { from, to } = sendable(lane)[0] ?? lane.flights[0] ?? statable(lane)[0]!;
  return [{ from, to }];
}

/** Tells the far side up to where the node has counted, and what will never come. */
function planStatement(state: ForwardState, now: number, limits: ForwardLimits, plan: ForwardPlan): void {
  if (state.statementAt <= now) {
    state.statementAt = now + limits.statementEveryMs;
    plan.questions.push({ traffic: 'bulk', question: statementOf(state) });
  }
  plan.wakeAt = Math.min(plan.wakeAt, state.statementAt);
}

/** The count statement of all lanes that ever had a record. Without one it says that nothing is left to be said. */
export function statementOf(state: ForwardState): CountStatement {
  const lanes = state.lanes
    .filter((lane) => lane.end > 0)
    .slice(-MAX_STATED_LANES)
    .map((lane) => {
      // Only what this far side has: of the rest it would say that it lacks it.
      const here = subtract(lane.fates.delivered, elsewhereIn(state.elsewhere, laneName(lane.epoch, lane.lane)));
      const delivered = countOf(here);
      const rest = restOf(lane, delivered);
      return {
        producer: PRODUCER,
        epoch: lane.epoch,
        lane: lane.lane,
        upTo: lane.end,
        delivered,
        givenUp: [...statable(lane)].slice(0, MAX_KNOWN_RANGES),
        ...(rest && { rest }),
      };
    });
  const { forgotten } = state;
  return { type: 'counts', lanes, whole: true, ...(forgotten > 0 && { forgotten }) };
}

/** What became of the others. Each byte is metered once a minute: what is 0 is left out. */
function restOf(lane: LaneState, deliveredHere: number): RestOfLane | undefined {
  const { delivered, expired, evicted, damaged } = lane.fates;
  const counts: Record<keyof RestOfLane, number> = {
    waiting: waitingIn(lane),
    expired: countOf(expired),
    evicted: countOf(evicted),
    deadLettered: countOf(deadLettersOf(lane.fates)),
    damaged: countOf(damaged),
    elsewhere: countOf(delivered) - deliveredHere,
    doubtful: inDoubtIn(lane),
  };
  const known = Object.entries(counts).filter(([, count]) => count > 0);
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}

/** When something in flight or held is to be looked at again, ms; what was sent since the plan was made is in it too. */
export const nextEventAt = ({ lanes }: ForwardState): number => Math.min(...lanes.map(nextEventOf));

function nextEventOf(lane: LaneState): number {
  let next = lane.dueAt ?? Number.POSITIVE_INFINITY;
  for (const { until } of lane.held) next = Math.min(next, until);
  for (const { timeoutAt } of lane.flights) next = Math.min(next, timeoutAt);
  return next;
}

export const isIdle = (state: ForwardState): boolean => state.lanes.every((lane) => waitingIn(lane) === 0);
