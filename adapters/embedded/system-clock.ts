import type { Clock } from '../../core/ports.ts';

/** A wall clock before this cannot have been set yet: a device without a battery boots in 1970 or at its build. */
const EARLIEST_PLAUSIBLE_MS = Date.UTC(2025, 0, 1);

/** The machine's clocks. The monotonic one is the same in every thread of the process, unlike performance.now(). */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  state: () => (Date.now() >= EARLIEST_PLAUSIBLE_MS ? 'synced' : 'unsynced'),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
