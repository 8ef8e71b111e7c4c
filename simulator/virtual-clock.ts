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
  /** What it was before, and until when (virtual ms). */
  before?: { state: ClockState; untilMs: number };
}

/** Whether the clock can be trusted changes. */
export function changeState(world: World, wall: VirtualWallClock, state: ClockState): void {
  wall.before = { state: wall.state, untilMs: world.now() };
  wall.state = state;
}

/** A commit may have begun so long ago, ms. */
const LINGER_MS = 200;

/** The state as it was when a commit that is written now may have begun. */
export const stateBefore = (world: World, { state, before }: VirtualWallClock): ClockState =>
  before && world.now() - before.untilMs <= LINGER_MS ? before.state : state;

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
