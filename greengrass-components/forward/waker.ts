import type { Cancel, Clock } from '../../core/ports.ts';

/** Lets a loop sleep until a time or until something happens, whichever is first. */
export interface Waker {
  /** Resolves at the time (monotonic ms; infinite = never), or at the next wake. One sleeper. */
  until(at: number): Promise<void>;
  /** Wakes the sleeper, or the next one if nobody sleeps. */
  wake(): void;
  /** The sleeper wakes at this time at the latest. */
  wakeBy(at: number): void;
  /** For others: resolves after the sleeper woke once more, or at the time. */
  nextTurn(at: number): Promise<void>;
}

/** The wall clock may be set meanwhile, and schedules go by it; to wake for nothing once an hour costs nothing. */
const MAX_SLEEP_MS = 3_600_000;

export function createWaker(clock: Clock): Waker {
  let wakeUp: (() => void) | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let pending = false;
  let cancel: Cancel | undefined;
  const onlookers = new Set<() => void>();

  const wake = (): void => {
    for (const tell of onlookers) tell();
    if (!wakeUp) {
      pending = true;
      return;
    }
    const resolve = wakeUp;
    wakeUp = undefined;
    cancel?.();
    resolve();
  };
  const schedule = (at: number): void => {
    cancel?.();
    wakeAt = at;
    if (Number.isFinite(at)) cancel = clock.after(Math.min(MAX_SLEEP_MS, Math.max(0, at - clock.monotonicMs())), wake);
  };

  return {
    until: (at) =>
      new Promise((resolve) => {
        if (pending) {
          pending = false;
          resolve();
          return;
        }
        wakeUp = resolve;
        schedule(at);
      }),
    wake,
    wakeBy(at) {
      // Nobody sleeps: the loop will see the new state by itself before it sleeps again.
      if (!wakeUp) pending = true;
      else if (at < wakeAt) schedule(at);
    },
    nextTurn: (at) =>
      new Promise((resolve) => {
        const done = (): void => {
          onlookers.delete(done);
          stop();
          resolve();
        };
        const stop = clock.after(Math.max(0, at - clock.monotonicMs()), done);
        onlookers.add(done);
      }),
  };
}
