import type { Clock, SourceBatch, SourceSink } from '../../core/ports.ts';

/** Resolves after so many ms of monotonic time, or at once when the signal aborts; never rejects. */
export function wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(Math.max(0, ms), finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}

/** Ticks lie on whole multiples of their interval in wall time, so that all sources of all nodes agree on them. */
export const latestTick = (clock: Clock, everyMs: number): number => Math.floor(clock.wallMs() / everyMs) * everyMs;

/**
 * Waits for the tick after `last` and gives the latest one then reached: ticks that passed meanwhile are left out. If
 * the clock is set back, the next tick of the new time counts.
 */
export async function nextTick(clock: Clock, everyMs: number, last: number, signal: AbortSignal): Promise<number> {
  let next = last + everyMs;
  while (!signal.aborted && clock.wallMs() < next) {
    if (next - clock.wallMs() > 2 * everyMs) next = latestTick(clock, everyMs) + everyMs;
    await wait(clock, Math.min(next - clock.wallMs(), everyMs), signal);
  }
  return Math.max(next, latestTick(clock, everyMs));
}

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;

/** Offers a batch until it is committed; `false` = the signal aborted first and the batch has no fate. */
export async function offerUntilCommitted(
  sink: SourceSink,
  batch: SourceBatch,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)) {
    if ((await sink.offer(batch)) === 'committed') return true;
    await wait(clock, retryMs, signal);
  }
  return false;
}
