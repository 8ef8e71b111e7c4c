import type { Clock } from '../core/ports.ts';

/** What a commit says about time: enough to know later how old its records are. */
export interface AgeStamp {
  /** Of the directory's age clock. */
  ageMs: number;
  wallMs: number;
  /** Whether the wall clock could be trusted then. */
  synced: boolean;
}

/**
 * A clock of the directory that never goes back, whatever the wall clock does: it runs with monotonic time, and the time
 * between two processes is added where the wall clock was right at both ends. Records are as old as the difference of
 * two of its readings; where the time between is not known they count as younger, so nothing expires early. It has to
 * believe a clock that says it is right: one that is ahead at a start, or was behind at the commit before it, looks like a
 * machine that was off for so long, and expires what waits (docs/adr/0004-time.md).
 */
export interface AgeClock {
  /** ms, of this directory's life. */
  now(): number;
  /**
   * Once, when the wall clock has become right after an opening at which it was not: by how many ms everything from
   * before the opening is older than was known. 0 at any other time.
   */
  correction(): number;
}

/** @param last what the newest readable commit says; undefined for a new directory */
export function createAgeClock(clock: Clock, last: AgeStamp | undefined): AgeClock {
  const openedAt = clock.monotonicMs();
  // Whole numbers: they are written down very often.
  const elapsed = (): number => Math.round(clock.monotonicMs() - openedAt);
  const down = (): number => Math.max(0, Math.round(clock.wallMs() - last!.wallMs) - elapsed());
  let open = last?.synced === true;
  let base = last?.ageMs ?? 0;
  if (open && clock.state() === 'synced') {
    base += down();
    open = false;
  }
  return {
    now: () => base + elapsed(),
    correction() {
      if (!open || clock.state() !== 'synced') return 0;
      open = false;
      return down();
    },
  };
}
