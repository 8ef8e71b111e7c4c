/** The four priorities, most important first. A lane is one priority's sequence of records; lane = index here. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** 0 = critical … 3 = low. */
export type Lane = 0 | 1 | 2 | 3;
export const LANES: readonly Lane[] = [0, 1, 2, 3];

export const laneOf = (priority: Priority): Lane => PRIORITIES.indexOf(priority) as Lane;
export const priorityOf = (lane: Lane): Priority => PRIORITIES[lane];
export const isLane = (value: number): value is Lane => Number.isInteger(value) && value >= 0 && value < LANES.length;

/** How long an unanswered envelope of a lane waits before it is sent again, and how that wait grows. */
export interface ResendPolicy {
  initialTimeoutMs: number;
  backoffFactor: number;
  maxTimeoutMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The contract of docs/adr/0005-sending.md. */
export const RESEND_POLICIES: Readonly<Record<Priority, ResendPolicy>> = {
  critical: { initialTimeoutMs: 5 * SECOND, backoffFactor: 2, maxTimeoutMs: 5 * MINUTE },
  high: { initialTimeoutMs: 10 * SECOND, backoffFactor: 2, maxTimeoutMs: HOUR },
  normal: { initialTimeoutMs: 30 * SECOND, backoffFactor: 3, maxTimeoutMs: HOUR },
  low: { initialTimeoutMs: 60 * SECOND, backoffFactor: 4, maxTimeoutMs: 4 * HOUR },
};

/** While the far side is silent, one probe a class at most this far apart (docs/adr/0005-sending.md). */
export const MAX_PROBE_INTERVAL_MS = 5 * MINUTE;
