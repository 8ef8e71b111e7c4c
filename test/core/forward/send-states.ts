import { type BudgetConfig, NO_BUDGET } from '../../../core/budget-schema.ts';
import { applyAnswer } from '../../../core/forward/answers.ts';
import { planForward } from '../../../core/forward/plan.ts';
import { noteEnvelope, waitToSend } from '../../../core/forward/sends.ts';
import { DEFAULT_LIMITS, type ForwardSettings } from '../../../core/forward/settings.ts';
import {
  emptyLane,
  type ForwardState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteSent,
} from '../../../core/forward/state.ts';
import { LANES, type Lane, PRIORITY_CONTRACT } from '../../../core/priority.ts';

export const EPOCH = '00000000000000aa';
export const FROM = Date.UTC(2026, 0, 31, 12);
export const HOUR = 3_600_000;
const answer = { farSide: 'far-1', items: [] };

export const settingsWith = (rest: Partial<ForwardSettings> = {}): ForwardSettings => ({
  limits: { ...DEFAULT_LIMITS, maxFlights: 10, maxRecords: 100 },
  priorities: PRIORITY_CONTRACT,
  budget: NO_BUDGET,
  ...rest,
});
export const withBudget = (rest: Partial<BudgetConfig>): ForwardSettings =>
  settingsWith({ budget: { ...NO_BUDGET, ...rest } });

/** Every lane, with so many records each that have waited for the far side, which now speaks; then so many new ones. */
export function stateWith(
  old: Partial<Record<Lane, number>>,
  live: Partial<Record<Lane, number>> = {},
  settings = settingsWith(),
) {
  const state = newForwardState(LANES.map((lane) => emptyLane(EPOCH, lane)));
  state.wallOffsetMs = FROM;
  noteLink(state, true, 0);
  const enqueue = (counts: Partial<Record<Lane, number>>): void => {
    for (const lane of state.lanes) if (counts[lane.lane]) noteEnqueued(lane, lane.end + counts[lane.lane]!, 0);
  };
  enqueue(old);
  planForward(state, 0, 0, settings);
  applyAnswer(state, answer, 0, 0, settings);
  enqueue(live);
  state.statementAt = Number.POSITIVE_INFINITY;
  return state;
}

/** `2:100-200` */
export const sendsAt = (state: ForwardState, now: number, settings: ForwardSettings): string[] =>
  planForward(state, now, 0, settings).sends.map(({ lane, from, to }) => `${lane.lane}:${from}-${to}`);

/** Carries the plan out, each envelope of so many bytes. */
export function send(state: ForwardState, now: number, settings: ForwardSettings, bytes: number): string[] {
  const { sends } = planForward(state, now, 0, settings);
  return sends.flatMap(({ lane, from, to }) => {
    if (waitToSend(state, lane, now, settings) > 0) return [];
    noteSent(lane, { from, to, sentAt: now, timeoutAt: Number.POSITIVE_INFINITY, bytes, commits: [] });
    noteEnvelope(state, lane, { from, to }, bytes, now);
    return [`${lane.lane}:${from}-${to}`];
  });
}
