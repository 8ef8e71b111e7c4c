import type { Cancel, Clock } from '../../core/ports.ts';

/** What one connection may do. */
export interface PaceLimits {
  /** Messages within any second. */
  publishesPerSecond: number;
  /** Bytes within any second. */
  bytesPerSecond: number;
  /** Messages sent whose PUBACK has not come. */
  unacknowledged: number;
}

export interface Pace {
  /**
   * Runs `publish` as soon as the limits allow, urgent ones first, else in the order of the calls; settles as it does.
   *
   * @param bytes of the whole packet
   */
  run(bytes: number, urgent: boolean, publish: () => Promise<void>): Promise<void>;
  /** Whoever still waits is rejected. */
  drop(reason: Error): void;
}

interface Waiting {
  bytes: number;
  publish: () => Promise<void>;
  resolve: () => void;
  reject: (reason: Error) => void;
}

const SECOND_MS = 1_000;

/**
 * Holds back what would go over the limits of a connection. It looks at the last second instead of filling a bucket: a
 * bucket lets nearly twice its rate pass within one second after a rest, and the broker counts seconds.
 */
export function createPace(clock: Clock, limits: PaceLimits): Pace {
  const urgent: Waiting[] = [];
  const ordinary: Waiting[] = [];
  /** What went out within the last second, oldest first. */
  let recent: { atMs: number; bytes: number }[] = [];
  let unacknowledged = 0;
  let cancelTimer: Cancel = () => {};

  /** Monotonic ms at which so many more bytes are within the limits; now or earlier = at once. */
  function freeAtMs(bytes: number, nowMs: number): number {
    recent = recent.filter(({ atMs }) => atMs > nowMs - SECOND_MS);
    let count = recent.length;
    let sum = recent.reduce((total, sent) => total + sent.bytes, 0);
    let atMs = nowMs;
    for (const oldest of recent) {
      if (count < limits.publishesPerSecond && sum + bytes <= limits.bytesPerSecond) break;
      atMs = oldest.atMs + SECOND_MS;
      count -= 1;
      sum -= oldest.bytes;
    }
    return atMs;
  }

  function pump(): void {
    cancelTimer();
    cancelTimer = () => {};
    for (;;) {
      const queue = urgent.length > 0 ? urgent : ordinary;
      const next = queue[0];
      if (!next || unacknowledged >= limits.unacknowledged) return; // a PUBACK, or the next call, comes here again
      const nowMs = clock.monotonicMs();
      const atMs = freeAtMs(next.bytes, nowMs);
      if (atMs > nowMs) {
        cancelTimer = clock.after(atMs - nowMs, pump);
        return;
      }
      queue.shift();
      recent.push({ atMs: nowMs, bytes: next.bytes });
      unacknowledged += 1;
      next
        .publish()
        .then(next.resolve, next.reject)
        .finally(() => {
          unacknowledged -= 1;
          pump();
        });
    }
  }

  return {
    run: (bytes, isUrgent, publish) =>
      new Promise((resolve, reject) => {
        (isUrgent ? urgent : ordinary).push({ bytes, publish, resolve, reject });
        pump();
      }),
    drop: (reason) => {
      cancelTimer();
      for (const { reject } of [...urgent.splice(0), ...ordinary.splice(0)]) reject(reason);
    },
  };
}
