import type { Clock, Logger } from '../../core/ports.ts';
import { PRIORITIES, type Priority } from '../../core/priority.ts';
import type { Refusal } from './less.ts';

/** Tells of readings that the journal turned away: when it begins, and when it is over what it cost. */
export interface RefusalStory {
  turnedAway(refusal: Refusal, readings: Partial<Record<Priority, number>>): void;
  /** A commit turned nothing away. */
  allTaken(): void;
}

/** So long nothing must have been turned away for the story to be over: a full disk is not filled with news of itself. */
const QUIET_MS = 60_000;

export function createRefusalStory(clock: Clock, logger: Logger, node: string): RefusalStory {
  /** By reason and class. */
  let totals = new Map<string, Partial<Record<Priority, number>>>();
  let sinceMs = 0;
  let lastMs = 0;

  return {
    turnedAway({ reason, detail }, readings) {
      lastMs = clock.monotonicMs();
      if (totals.size === 0) sinceMs = lastMs;
      const sum = totals.get(reason);
      totals.set(reason, sumOf(sum ?? {}, readings));
      if (!sum) logger.warn({ node, reason, detail, readings }, 'sense: readings refused');
    },
    allTaken() {
      const now = clock.monotonicMs();
      if (totals.size === 0 || now - lastMs < QUIET_MS) return;
      const [refused, forMs] = [Object.fromEntries(totals), Math.round(lastMs - sinceMs)];
      logger.warn({ node, refused, forMs }, 'sense: readings are taken again; so many were refused');
      totals = new Map();
    },
  };
}

const sumOf = (a: Partial<Record<Priority, number>>, b: Partial<Record<Priority, number>>) =>
  Object.fromEntries(
    PRIORITIES.map((priority) => [priority, (a[priority] ?? 0) + (b[priority] ?? 0)] as const).filter(
      ([, sum]) => sum > 0,
    ),
  );
