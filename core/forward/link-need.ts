import type { Gate } from './budget.ts';
import { hasBusiness } from './plan.ts';
import { gateOf } from './sends.ts';
import type { ForwardSettings } from './settings.ts';
import type { ForwardState } from './state.ts';

/** What a connection is needed for: critical records, or whatever may leave as long as the gate is open. */
export interface LinkNeed {
  for: 'critical' | 'all' | 'nothing';
  gate: Gate;
}

/** @param now monotonic ms */
export function linkNeedOf(state: ForwardState, now: number, settings: ForwardSettings): LinkNeed {
  const gate = gateOf(state, now, settings);
  const urgent =
    // What has left is waited for: an answer that finds no connection leaves it in doubt until the next one.
    state.lanes.some(({ flights }) => flights.length > 0) ||
    (gate.critical && state.lanes.some((lane) => lane.lane === 0 && hasBusiness(lane)));
  if (urgent) return { for: 'critical', gate };
  return { for: gate.others ? 'all' : 'nothing', gate };
}
