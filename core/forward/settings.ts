import type { BudgetConfig } from '../budget-schema.ts';
import { type Lane, type Priorities, type PriorityTerms, priorityOf } from '../priority.ts';

export interface ForwardLimits {
  /** Envelopes sent and not answered, over all lanes; critical may go beyond by as many again. */
  maxFlights: number;
  maxRecords: number;
  /** About so many bytes of them; critical may go beyond by as many again. */
  maxFlightBytes: number;
  /** Time between two count statements. */
  statementEveryMs: number;
}

/** Everything that says how to send. It may change at any time: no record hangs on it. */
export interface ForwardSettings {
  limits: ForwardLimits;
  priorities: Priorities;
  budget: BudgetConfig;
}

export const DEFAULT_LIMITS: ForwardLimits = {
  maxFlights: 16,
  maxRecords: 2_000,
  maxFlightBytes: 2 * 1024 * 1024,
  statementEveryMs: 60_000,
};

const MAX_READ_BYTES = 512 * 1024;
/** A number in the journal takes so many times what it takes in an envelope, or less. */
const READ_PER_SENT = 4;
/** How much is read from the journal for one envelope. */
export const readBytes = ({ maxFlightBytes }: ForwardLimits): number =>
  Math.min(MAX_READ_BYTES, READ_PER_SENT * maxFlightBytes);

/** IoT Core takes this much a second from one connection. */
const IOT_CORE_BYTES_PER_SECOND = 512 * 1024;
/** Even on the slowest way an envelope must be worth its header. */
const MIN_FLIGHT_BYTES = 2 * 1024;
/** A number takes a byte or two of an envelope, at most nine. */
const MAX_BYTES_OF_A_NUMBER = 9;

/**
 * The window fitted to the way out: what flies must get through in half of the shortest timeout, or it would be called
 * lost while it is still on its way.
 */
export function fittedLimits(
  limits: ForwardLimits,
  priorities: Priorities,
  budget: Pick<BudgetConfig, 'bytesPerSecond'>,
  uplinks: readonly { type: 'hub' | 'iot-core' }[],
): ForwardLimits {
  const bounds = [
    budget.bytesPerSecond ?? Number.POSITIVE_INFINITY,
    ...uplinks.map(({ type }) => (type === 'iot-core' ? IOT_CORE_BYTES_PER_SECOND : Number.POSITIVE_INFINITY)),
  ];
  const shortestMs = Math.min(...Object.values(priorities).map(({ initialTimeoutMs }) => initialTimeoutMs));
  const throughMs = (Math.min(...bounds) / 1_000) * (shortestMs / 2);
  const maxFlightBytes = Math.min(limits.maxFlightBytes, Math.max(MIN_FLIGHT_BYTES, throughMs));
  const maxRecords = Math.min(limits.maxRecords, Math.ceil(maxFlightBytes / MAX_BYTES_OF_A_NUMBER));
  return { ...limits, maxFlightBytes, maxRecords };
}

export const termsOf = (settings: ForwardSettings, lane: Lane): PriorityTerms => settings.priorities[priorityOf(lane)];

/** Waits are up to a tenth shorter at random, so that many nodes do not act in step; never longer than promised. */
const JITTER = 0.1;

/**
 * How long to wait for an answer, or before the next try.
 *
 * @param step failures so far
 * @param fraction a random number, 0 ≤ x < 1
 */
export const backoffMs = (terms: PriorityTerms, step: number, fraction: number): number =>
  jittered(Math.min(terms.maxTimeoutMs, terms.initialTimeoutMs * terms.backoffFactor ** step), fraction);

export const jittered = (ms: number, fraction: number): number => ms * (1 - JITTER * fraction);
