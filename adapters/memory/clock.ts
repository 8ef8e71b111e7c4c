import type { Clock } from '../../core/ports.ts';
import type { ClockState } from '../../core/reading.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks on and runs what became due, in order. */
  advance(ms: number): void;
  /** Sets the wall clock alone, as NTP or an operator would. */
  jumpTo(wallMs: number): void;
  setState(state: ClockState): void;
}

/** Time that passes only when told. Starts at 2026-01-01 by default. */
export function createManualClock(startMs: number = Date.UTC(2026, 0, 1)): ManualClock {
  let wall = startMs;
  let monotonic = 0;
  let state: ClockState = 'synced';
  let timers: { at: number; run: () => void }[] = [];
  return {
    wallMs: () => wall,
    monotonicMs: () => monotonic,
    state: () => state,
    after(ms, run) {
      const timer = { at: monotonic + Math.max(0, ms), run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const end = monotonic + ms;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((timer) => timer !== due);
        wall += due.at - monotonic;
        monotonic = due.at;
        due.run();
      }
      wall += end - monotonic;
      monotonic = end;
    },
    jumpTo(wallMs) {
      wall = wallMs;
    },
    setState(next) {
      state = next;
    },
  };
}
