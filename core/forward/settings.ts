import type { BudgetConfig } from '../budget-schema.ts';
import { type Lane, type Priorities, type PriorityTerms, priorityOf } from '../priority.ts';
import type { Range } from '../ranges.ts';

export interface ForwardLimits {
  /** Envelopes sent and not answered, over all lanes; critical may go beyond by as many again. */
  maxFlights: number;
  maxRecords: number;
  /** About so many bytes of them; critical may go beyond by as many again. */
  maxFlightBytes: number;
  /** About so many bytes of one envelope, as long as its records are smaller: critical waits behind no more. */
  maxEnvelopeBytes: number;
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
  maxEnvelopeBytes: Number.POSITIVE_INFINITY,
  statementEveryMs: 60_000,
};

const MAX_READ_BYTES = 512 * 1024;
/** A number in the journal takes so many times what it takes in an envelope, or less. */
const READ_PER_SENT = 4;
/** How much is read from the journal for one envelope: texts take as much in it, if they do not compress. */
export const readBytes = ({ maxFlightBytes, maxEnvelopeBytes }: ForwardLimits): number =>
  Math.min(
    MAX_READ_BYTES,
    READ_PER_SENT * maxFlightBytes,
    Math.max(READ_PER_SENT * MIN_FLIGHT_BYTES, maxEnvelopeBytes),
  );

/** A part is aimed at somewhat below the bound: records differ. */
const AIM = 0.9;

/**
 * The journal gives no less than a commit, whatever it weighs: the part of its range to try instead if the envelope became
 * too large; undefined = it did not, or it is one record.
 */
export function partWithin(
  { from, to }: Range,
  bytes: number,
  { maxEnvelopeBytes }: Pick<ForwardLimits, 'maxEnvelopeBytes'>,
): Range | undefined {
  if (bytes <= maxEnvelopeBytes || to - from < 2) return undefined;
  return { from, to: from + Math.max(1, Math.floor(((to - from) * AIM * maxEnvelopeBytes) / bytes)) };
}

/** IoT Core takes this much a second from one connection. */
const IOT_CORE_BYTES_PER_SECOND = 512 * 1024;
/** Even on the slowest way an envelope must be worth its header. */
const MIN_FLIGHT_BYTES = 2 * 1024;
/** No envelope has the way out for itself for longer, where that is more than MIN_FLIGHT_BYTES: critical may come any time. */
const MAX_OCCUPIED_MS = 1_000;
/** A number takes a byte or two of an envelope, at most nine. */
const MAX_BYTES_OF_A_NUMBER = 9;

/**
 * The window fitted to the way out: what flies must get through in half of the shortest timeout, or it would be called
 * lost while it is still on its way, and one envelope in a second.
 *
 * @param link what the node shares with others; default: no bound
 */
export function fittedLimits(
  limits: ForwardLimits,
  priorities: Priorities,
  budget: Pick<BudgetConfig, 'bytesPerSecond'>,
  uplinks: readonly { type: 'hub' | 'iot-core' }[],
  link: { bytesPerSecond?: number | undefined } = {},
): ForwardLimits {
  const bounds = [
    budget.bytesPerSecond ?? Number.POSITIVE_INFINITY,
    link.bytesPerSecond ?? Number.POSITIVE_INFINITY,
    ...uplinks.map(({ type }) => (type === 'iot-core' ? IOT_CORE_BYTES_PER_SECOND : Number.POSITIVE_INFINITY)),
  ];
  const shortestMs = Math.min(...Object.values(priorities).map(({ initialTimeoutMs }) => initialTimeoutMs));
  const bytesPerMs = Math.min(...bounds) / 1_000;
  const throughInMs = (ms: number): number => Math.max(MIN_FLIGHT_BYTES, bytesPerMs * ms);
  const maxFlightBytes = Math.min(limits.maxFlightBytes, throughInMs(shortestMs / 2));
  const maxEnvelopeBytes = Math.min(limits.maxEnvelopeBytes, throughInMs(MAX_OCCUPIED_MS));
  const maxRecords = Math.ceil(Math.min(maxFlightBytes, maxEnvelopeBytes) / MAX_BYTES_OF_A_NUMBER);
  return { ...limits, maxFlightBytes, maxEnvelopeBytes, maxRecords: Math.min(limits.maxRecords, maxRecords) };
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
