import type { BudgetConfig } from '../../core/budget-schema.ts';
import type { Meter } from '../../core/forward/budget.ts';
import type { ForwardState } from '../../core/forward/state.ts';
import type { Clock } from '../../core/ports.ts';

/**
 * Has the meter of a budget kept now and then. A crash forgets what was metered since: a budget may be overrun by so
 * much.
 *
 * @returns to be called whenever it may have changed; keeps it if it has, not oftener than so many ms
 */
export function createMeterNotes(
  clock: Pick<Clock, 'monotonicMs'>,
  state: Pick<ForwardState, 'meter'>,
  keep: (meter: Meter) => void,
): (budget: Pick<BudgetConfig, 'perDay' | 'perMonth'>, notOftenerThanMs: number) => void {
  let noted = { meter: state.meter, atMs: Number.NEGATIVE_INFINITY };
  return ({ perDay, perMonth }, notOftenerThanMs) => {
    const now = clock.monotonicMs();
    if ((perDay ?? perMonth) === undefined || state.meter === noted.meter) return;
    if (now < noted.atMs + notOftenerThanMs) return;
    noted = { meter: state.meter, atMs: now };
    keep(state.meter);
  };
}
