/** Which of several uplinks carries the records, and when that changes (docs/adr/0012-uplinks.md). Times are monotonic ms. */

export interface FailoverConfig {
  /** How many there are; 0 is preferred to 1, 1 to 2, and so on. */
  uplinks: number;
  /** The next one is tried when there was no connection for so long. */
  unreachableMs: number;
  /** … or when something was sent and nothing at all was answered for so long, whatever the connection says. */
  silentMs: number;
  /** First pause between two looks at a preferred uplink; each that is in vain doubles it. */
  probeEveryMs: number;
  /** A preferred uplink has to answer a second time after so long before it is used again. */
  steadyMs: number;
}

export type ChangeReason = 'unreachable' | 'silent' | 'preferred-answers';

export interface FailoverState {
  /** The uplink that carries the records. */
  active: number;
  usedSince: number;
  /** Since when it has had no connection; undefined while it has one. */
  awaySince: number | undefined;
  /** When the oldest message left after which nothing was answered. It outlives the connection: a link that flaps is no answer. */
  unansweredSince: number | undefined;
  /** Changes in a row between which nothing was answered. */
  fruitless: number;
  probe: Probe | undefined;
  probeAt: number;
  /** No connection is needed: nothing is a failure, and nothing is looked at. */
  asleep: boolean;
  /** Looks in vain, and returns that did not last. */
  probesInVain: number;
  lastProbed: number;
}

/** A look at a preferred uplink, beside the active one. */
interface Probe {
  uplink: number;
  /** The first answer; undefined = none yet. */
  answeredAt: number | undefined;
  askedAgain: boolean;
  /** What is awaited has to come before. */
  until: number;
}

export type FailoverEvent =
  | { type: 'time' }
  /** A connection is needed from now on, or is not. */
  | { type: 'wanted'; is: boolean }
  /** The active uplink got or lost its connection. */
  | { type: 'link'; up: boolean }
  /** A message that is to be answered went out, or an answer came, over the active uplink. */
  | { type: 'sent' }
  | { type: 'answered' }
  | { type: 'probe-link'; up: boolean }
  | { type: 'probe-answered' };

export type FailoverAction =
  /** Dial this one beside the active one. */
  | { type: 'probe'; uplink: number }
  /** Put a question to the far side of the probe. */
  | { type: 'ask' }
  | { type: 'drop-probe' }
  /** `promote`: the probe's connection is the active one from now on; else dial anew. */
  | { type: 'use'; uplink: number; promote: boolean; reason: ChangeReason };

export interface FailoverStep {
  actions: FailoverAction[];
  /** When to call again with `time` if nothing happens before. */
  wakeAt: number;
}

/** Dialling, TLS and an answer of ingest over a slow link. */
export const PROBE_WITHIN_MS = 30_000;
/** Looking for a preferred uplink, or going round all of them in vain, becomes no rarer than this. */
export const MAX_PAUSE_MS = 10 * 60_000;
/** A preferred uplink that fails sooner than this after its return is looked at more and more seldom. */
export const LASTING_MS = 10 * 60_000;

export function newFailoverState(now: number): FailoverState {
  return {
    active: 0,
    usedSince: now,
    awaySince: now,
    unansweredSince: undefined,
    fruitless: 0,
    probe: undefined,
    probeAt: Number.POSITIVE_INFINITY,
    asleep: false,
    probesInVain: 0,
    lastProbed: -1,
  };
}

/**
 * Takes an event into the state, in place, and says what is to be done.
 *
 * @param fraction a random number, 0 ≤ x < 1: a fleet must not return in step
 */
export function stepFailover(
  state: FailoverState,
  event: FailoverEvent,
  now: number,
  fraction: number,
  config: FailoverConfig,
): FailoverStep {
  const turn: Turn = { state, now, fraction, config, actions: [] };
  const { actions } = turn;
  if (config.uplinks < 2) return { actions, wakeAt: Number.POSITIVE_INFINITY };
  takeIn(turn, event);
  if (state.asleep) return { actions, wakeAt: Number.POSITIVE_INFINITY };
  const reason = failureOf(turn);
  if (reason) leave(turn, reason);
  else tendProbe(turn);
  return { actions, wakeAt: nextEventOf(turn) };
}

/** One call of stepFailover: what it is given, and what it has found to do. */
interface Turn {
  state: FailoverState;
  now: number;
  fraction: number;
  config: FailoverConfig;
  actions: FailoverAction[];
}

function takeIn(turn: Turn, event: FailoverEvent): void {
  const { state, now, actions } = turn;
  const { probe } = state;
  switch (event.type) {
    case 'wanted':
      if (event.is === state.asleep) wakeOrSleep(turn, event.is);
      break;
    case 'link':
      state.awaySince = event.up ? undefined : (state.awaySince ?? now);
      break;
    case 'sent':
      state.unansweredSince ??= now;
      break;
    case 'answered':
      state.unansweredSince = undefined;
      state.fruitless = 0;
      break;
    case 'probe-link':
      if (!probe) break;
      if (event.up) actions.push({ type: 'ask' });
      else giveUpProbe(turn);
      break;
    case 'probe-answered':
      if (!probe) break;
      if (probe.answeredAt === undefined) {
        probe.answeredAt = now;
        probe.until = now + turn.config.steadyMs + PROBE_WITHIN_MS;
      } else if (probe.askedAgain) use(turn, probe.uplink, 'preferred-answers');
      break;
    case 'time':
  }
}

/** What went before a sleep tells nothing after it: who wakes asks and waits anew. */
function wakeOrSleep(turn: Turn, wake: boolean): void {
  const { state, now, actions } = turn;
  state.asleep = !wake;
  state.unansweredSince = undefined;
  state.awaySince = now;
  if (wake) {
    state.usedSince = now;
    if (state.active > 0) state.probeAt = now + pauseMs(turn);
    return;
  }
  if (state.probe) actions.push({ type: 'drop-probe' });
  state.probe = undefined;
}

/** Why the active uplink has to be left, if it has to. */
function failureOf(turn: Turn): 'unreachable' | 'silent' | undefined {
  if (turn.now >= awayUntil(turn)) return 'unreachable';
  if (turn.now >= silentUntil(turn)) return 'silent';
  return undefined;
}

type Fixed = Pick<Turn, 'state' | 'config'>;

const awayUntil = ({ state, config }: Fixed): number =>
  state.awaySince === undefined
    ? Number.POSITIVE_INFINITY
    : state.awaySince + patience(state, config.unreachableMs, config);
const silentUntil = ({ state, config }: Fixed): number =>
  state.unansweredSince === undefined
    ? Number.POSITIVE_INFINITY
    : state.unansweredSince + patience(state, config.silentMs, config);

/** After each round in which no uplink answered it doubles: without a network there is no point in dialling around. */
function patience(state: FailoverState, ms: number, config: FailoverConfig): number {
  const rounds = Math.min(20, Math.floor(state.fruitless / config.uplinks));
  return Math.max(ms, Math.min(MAX_PAUSE_MS, ms * 2 ** rounds));
}

function leave(turn: Turn, reason: ChangeReason): void {
  const { state, now, config } = turn;
  if (state.active === 0) {
    const lasted = state.fruitless === 0 && now - state.usedSince >= LASTING_MS;
    state.probesInVain = lasted ? 0 : state.probesInVain + 1;
  }
  state.fruitless += 1;
  // One that has just answered is a better choice than the next in the row.
  const standby = state.probe?.answeredAt === undefined ? undefined : state.probe.uplink;
  use(turn, standby ?? (state.active + 1) % config.uplinks, reason);
}

function use(turn: Turn, uplink: number, reason: ChangeReason): void {
  const { state, now, actions } = turn;
  const promote = state.probe?.uplink === uplink;
  // A look that has not been answered yet may have no connection either.
  const connected = promote && state.probe?.answeredAt !== undefined;
  if (state.probe && !promote) actions.push({ type: 'drop-probe' });
  actions.push({ type: 'use', uplink, promote, reason });
  state.probe = undefined;
  state.active = uplink;
  state.usedSince = now;
  state.awaySince = connected ? undefined : now;
  state.unansweredSince = undefined;
  state.lastProbed = -1;
  state.probeAt = uplink === 0 ? Number.POSITIVE_INFINITY : now + pauseMs(turn);
}

function tendProbe(turn: Turn): void {
  const { state, now, config, actions } = turn;
  const { probe } = state;
  if (probe === undefined) {
    if (now < state.probeAt) return;
    // The best first, then the others that are better than the active one.
    const uplink = (state.lastProbed + 1) % state.active;
    state.lastProbed = uplink;
    state.probe = { uplink, answeredAt: undefined, askedAgain: false, until: now + PROBE_WITHIN_MS };
    actions.push({ type: 'probe', uplink });
  } else if (now >= probe.until) giveUpProbe(turn);
  else if (probe.answeredAt !== undefined && !probe.askedAgain && now >= probe.answeredAt + config.steadyMs) {
    probe.askedAgain = true;
    actions.push({ type: 'ask' });
  }
}

function giveUpProbe(turn: Turn): void {
  const { state, now, actions } = turn;
  actions.push({ type: 'drop-probe' });
  state.probe = undefined;
  state.probesInVain += 1;
  state.probeAt = now + pauseMs(turn);
}

/** The upper half of the pause is random. */
function pauseMs({ state, fraction, config }: Omit<Turn, 'now' | 'actions'>): number {
  const { probeEveryMs } = config;
  const longestMs = Math.max(
    probeEveryMs,
    Math.min(MAX_PAUSE_MS, probeEveryMs * 2 ** Math.min(state.probesInVain, 20)),
  );
  return longestMs * (0.5 + 0.5 * fraction);
}

function nextEventOf(turn: Fixed): number {
  const { state, config } = turn;
  const { probe } = state;
  const again =
    probe?.answeredAt === undefined || probe.askedAgain ? Number.POSITIVE_INFINITY : probe.answeredAt + config.steadyMs;
  return Math.min(awayUntil(turn), silentUntil(turn), probe ? probe.until : state.probeAt, again);
}
