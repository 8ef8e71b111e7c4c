import type { Clock } from '../../core/ports.ts';
import { EARLIEST_TIME_MS, MAX_AHEAD_MS } from '../../core/reading.ts';

/** Replays recorded times at their own pace, or `speed` times faster. */
export interface ReplayPace {
  /** ms of real time until a row with this time is due; 0 or less = now. The first call sets the start. */
  untilMs(ts: unknown): number;
}

export function createReplayPace(clock: Clock, speed: number): ReplayPace {
  let anchor: { ts: number; monotonicMs: number } | undefined;
  return {
    untilMs: (ts) => {
      // A time that the border refuses must not hold the replay up for years.
      if (typeof ts !== 'number' || !(ts >= EARLIEST_TIME_MS && ts <= clock.wallMs() + MAX_AHEAD_MS)) return 0;
      anchor ??= { ts, monotonicMs: clock.monotonicMs() };
      return (ts - anchor.ts) / speed - (clock.monotonicMs() - anchor.monotonicMs);
    },
  };
}
