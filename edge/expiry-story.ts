import type { Outcome } from '../core/lane-fates.ts';
import type { Clock, Logger } from '../core/ports.ts';
import { PRIORITIES, type Priority, priorityOf } from '../core/priority.ts';

/** Tells of records that expire: at once when it begins, then at most every ten minutes how many. */
export interface ExpiryStory {
  settled(outcomes: readonly Outcome[]): void;
  /** The node stops: what was not told yet. */
  end(): void;
}

const PAUSE_MS = 600_000;

export function createExpiryStory(clock: Clock, logger: Logger, node: string): ExpiryStory {
  let untold = new Map<Priority, number>();
  let toldMs = Number.NEGATIVE_INFINITY;

  const tell = (): void => {
    if (untold.size === 0) return;
    const known = PRIORITIES.flatMap((priority) => {
      const count = untold.get(priority);
      return count === undefined ? [] : [[priority, count] as const];
    });
    logger.warn({ node, records: Object.fromEntries(known) }, 'node: records expired before they could be delivered');
    untold = new Map();
    toldMs = clock.monotonicMs();
  };

  return {
    settled(outcomes) {
      for (const { fate, lane, from, to } of outcomes) {
        if (fate !== 'expired') continue;
        const priority = priorityOf(lane);
        untold.set(priority, (untold.get(priority) ?? 0) + to - from);
      }
      if (clock.monotonicMs() - toldMs >= PAUSE_MS) tell();
    },
    end: tell,
  };
}
