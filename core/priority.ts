/** The four priorities, most important first. A lane is one priority's sequence of records; lane = index here. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** 0 = critical … 3 = low. */
export type Lane = 0 | 1 | 2 | 3;
export const LANES: readonly Lane[] = [0, 1, 2, 3];

export const laneOf = (priority: Priority): Lane => PRIORITIES.indexOf(priority) as Lane;
export const priorityOf = (lane: Lane): Priority => PRIORITIES[lane];
export const isLane = (value: number): value is Lane => Number.isInteger(value) && value >= 0 && value < LANES.length;

/** What a priority promises: how often and how long its records are tried, and how byte sections travel. JSON. */
export interface PriorityTerms {
  /** Sends of a record after the first one that failed (docs/adr/0005-sending.md says what a failure is). */
  retries: number | 'infinite';
  /** How long the first answer is waited for, ms. */
  initialTimeoutMs: number;
  /** By how much the wait grows with each failure. */
  backoffFactor: number;
  maxTimeoutMs: number;
  /** How long a record may wait from its enqueueing on, ms. */
  ttlMs: number | 'never';
  /** Of byte sections only: numbers are coded by the envelope itself. */
  compression: Compression;
  /** What the class may send a second. @default no bound */
  bytesPerSecond?: number | undefined;
}
export const COMPRESSIONS = ['none', 'lz4', 'zstd', 'zstd-9'] as const;
export type Compression = (typeof COMPRESSIONS)[number];
export type Priorities = Readonly<Record<Priority, PriorityTerms>>;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The contract of docs/adr/0005-sending.md, unless the fleet file says otherwise. */
export const PRIORITY_CONTRACT: Priorities = {
  critical: {
    retries: 'infinite',
    initialTimeoutMs: 5 * SECOND,
    backoffFactor: 2,
    maxTimeoutMs: 5 * MINUTE,
    ttlMs: 'never',
    compression: 'none',
  },
  high: {
    retries: 10,
    initialTimeoutMs: 10 * SECOND,
    backoffFactor: 2,
    maxTimeoutMs: HOUR,
    ttlMs: 24 * HOUR,
    compression: 'lz4',
  },
  normal: {
    retries: 5,
    initialTimeoutMs: 30 * SECOND,
    backoffFactor: 3,
    maxTimeoutMs: HOUR,
    ttlMs: 7 * DAY,
    compression: 'zstd',
  },
  low: {
    retries: 3,
    initialTimeoutMs: 60 * SECOND,
    backoffFactor: 4,
    maxTimeoutMs: 4 * HOUR,
    ttlMs: 30 * DAY,
    compression: 'zstd-9',
  },
};

/** While the far side is silent, one probe a class at most this far apart (docs/adr/0005-sending.md). */
export const MAX_PROBE_INTERVAL_MS = 5 * MINUTE;
