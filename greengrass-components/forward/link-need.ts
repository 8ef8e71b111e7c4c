import { linkNeedOf } from '../../core/forward/link-need.ts';
import type { ForwardSettings } from '../../core/forward/settings.ts';
import type { ForwardState } from '../../core/forward/state.ts';
import type { Random, Uplink } from '../../core/ports.ts';

/** A connection is kept so long after it was needed last: critical records seldom come alone, and each dialling costs. */
export const LINGER_MS = 30_000;
/** A schedule is the same for a whole fleet: each node comes within so much of its beginning, or a tenth of the window. */
export const SPREAD_MS = 10_000;

/**
 * Tells the uplink whether a connection is needed: always while all records may leave; outside of the windows, or with
 * the budget used up, for critical ones only.
 *
 * @returns to be called whenever the state has changed; gives when to call again at the latest (monotonic ms)
 */
export function createLinkNeed(
  { uplink, random }: { uplink: Pick<Uplink, 'wanted'>; random: Pick<Random, 'fraction'> },
  state: ForwardState,
): (now: number, settings: ForwardSettings) => number {
  let wanted = true;
  /** Whether it was needed at the last look, and so until now. */
  let needed = false;
  let neededAt = Number.NEGATIVE_INFINITY;
  /** When it is wanted again, once a window has begun. */
  let opensAt: number | undefined;

  const want = (is: boolean): void => {
    wanted = is;
    opensAt = undefined;
    uplink.wanted(is);
  };

  return (now, settings) => {
    const need = linkNeedOf(state, now, settings);
    const gateEndsAt = need.gate.untilMs - state.wallOffsetMs;
    if (needed) neededAt = now;
    needed = wanted && need.for !== 'nothing';
    if (wanted) {
      if (needed) return gateEndsAt;
      if (now < neededAt + LINGER_MS) return neededAt + LINGER_MS;
      want(false);
      return gateEndsAt;
    }
    if (need.for === 'nothing') {
      opensAt = undefined;
      return gateEndsAt;
    }
    if (need.for === 'all') {
      opensAt ??= now + random.fraction() * Math.min(SPREAD_MS, (gateEndsAt - now) / 10);
      if (now < opensAt) return opensAt;
    }
    needed = true;
    want(true);
    return gateEndsAt;
  };
}
