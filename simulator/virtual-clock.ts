import type { Clock } from '../core/ports.ts';
import type { ClockState } from '../core/reading.ts';
import type { Life, World } from './world.ts';

export const WORLD_START_MS = Date.UTC(2026, 0, 1);

/** A machine's wall clock: it outlives the processes on it. */
export interface VirtualWallClock {
  /** How far it is off, ms; and all that it ever was, the last one first. */
  offsetsMs: number[];
  /** Runs fast or slow by this share. */
  skew: number;
  /** It ever did. */
  skewed?: boolean;
  state: ClockState;
}

/** The clock as one process sees it: monotonic time starts anew with it, timers end with it. */
export function createVirtualClock(world: World, wall: VirtualWallClock, life: Life, name: string): Clock {
  const startMs = world.now();
  return {
    wallMs: () => Math.trunc(WORLD_START_MS + world.now() * (1 + wall.skew) + wall.offsetsMs[0]!),
    monotonicMs: () => world.now() - startMs,
    state: () => wall.state,
    after: (ms, run) => (life.alive ? world.after(ms, `${name} timer`, run, life) : () => undefined),
  };
}
