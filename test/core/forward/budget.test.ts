import { describe, expect, test } from '@jest/globals';
import { budget, NO_BUDGET } from '../../../core/budget-schema.ts';
import { gateAt, meterBytes, NEW_METER } from '../../../core/forward/budget.ts';
import { planForward } from '../../../core/forward/plan.ts';
import { noteTraffic } from '../../../core/forward/sends.ts';
import { emptyLane, newForwardState, noteEnqueued, noteLink } from '../../../core/forward/state.ts';
import { LANES } from '../../../core/priority.ts';
import { EPOCH, FROM, HOUR, sendsAt, stateWith, withBudget } from './send-states.ts';

describe('data budget', () => {
  const settings = withBudget({ perDay: 10_000, perMonth: 15_000 });

  test('what is sent and what is received counts, by UTC day and month', () => {
    const state = stateWith({}, {}, settings);
    state.meter = NEW_METER;
    noteTraffic(state, 900, 0);
    noteTraffic(state, 400, 1);
    expect(state.meter).toEqual({ day: '2026-01-31', dayBytes: 1_500, monthBytes: 1_500 });
    noteTraffic(state, 0, 12 * HOUR);
    expect(state.meter).toEqual({ day: '2026-02-01', dayBytes: 100, monthBytes: 100 });
  });

  test('a clock that jumps back opens no day again', () => {
    const meter = meterBytes({ day: '2026-01-31', dayBytes: 5, monthBytes: 9 }, 1, Date.UTC(2025, 5, 1));
    expect(meter).toEqual({ day: '2026-01-31', dayBytes: 6, monthBytes: 10 });
  });

  test('used up: critical only, until the next day; nothing is lost by it', () => {
    const state = stateWith({}, { 0: 100, 2: 100 }, settings);
    noteTraffic(state, 10_000, 0);
    expect(sendsAt(state, 1, settings)).toEqual(['0:0-100']);
    expect(planForward(state, 1, 0, settings).wakeAt).toBe(12 * HOUR);
    expect(sendsAt(state, 12 * HOUR, settings)).toEqual(['0:0-100', '2:0-100']);
  });

  test('or nothing at all, if the file says stop', () => {
    const stop = withBudget({ perDay: 10_000, whenUsedUp: 'stop' });
    const state = stateWith({}, { 0: 100, 2: 100 }, stop);
    noteTraffic(state, 10_000, 0);
    const { sends, questions } = planForward(state, 1, 0, stop);
    expect([sends, questions]).toEqual([[], []]);
    expect(sendsAt(state, 12 * HOUR, stop)).toEqual(['0:0-100', '2:0-100']);
  });

  test('of a month: it opens with the next one', () => {
    const { budget: config } = settings;
    const meter = { day: '2026-01-30', dayBytes: 0, monthBytes: 15_000 };
    expect(gateAt(config, meter, FROM)).toMatchObject({
      others: false,
      closed: 'budget',
      untilMs: Date.UTC(2026, 1, 1),
    });
    expect(gateAt(config, meter, Date.UTC(2026, 1, 1))).toMatchObject({ others: true, closed: undefined });
  });

  test('it can be raised at any time, and what waited leaves', () => {
    const state = stateWith({}, { 2: 100 }, settings);
    noteTraffic(state, 10_000, 0);
    expect(sendsAt(state, 1, settings)).toEqual([]);
    expect(sendsAt(state, 2, withBudget({ perDay: 100_000 }))).toEqual(['2:0-100']);
  });
});

describe('windows', () => {
  // FROM is a Saturday noon.
  const settings = withBudget({ windows: [{ cron: '0 14 * * *', for: HOUR }] });

  test('outside of them only critical leaves, and only critical asks', () => {
    const state = stateWith({}, { 0: 100, 2: 100 }, settings);
    state.statementAt = 0;
    const { sends, questions, wakeAt } = planForward(state, 1, 0, settings);
    expect(sends.map(({ lane }) => lane.lane)).toEqual([0]);
    expect(questions).toEqual([]);
    expect(wakeAt).toBe(2 * HOUR);
    expect(sendsAt(state, 2 * HOUR, settings)).toEqual(['0:0-100', '2:0-100']);
    expect(sendsAt(state, 3 * HOUR - 1, settings)).toEqual(['0:0-100', '2:0-100']);
    expect(sendsAt(state, 3 * HOUR, settings)).toEqual(['0:0-100']);
  });

  test('while the far side has not spoken only critical probes outside of them', () => {
    const state = newForwardState(LANES.map((lane) => emptyLane(EPOCH, lane)));
    state.wallOffsetMs = FROM;
    for (const lane of state.lanes) noteEnqueued(lane, 1, 0);
    noteLink(state, true, 0);
    expect(planForward(state, 0, 0, settings).questions.map(({ traffic }) => traffic)).toEqual(['critical']);
    expect(planForward(state, 2 * HOUR, 0, settings).questions.map(({ traffic }) => traffic)).toEqual([
      'critical',
      'bulk',
    ]);
  });

  test('what has waited for a window is backlog in it: what is new goes first', () => {
    const state = stateWith({}, { 2: 1_000 }, settings);
    planForward(state, 0, 0, settings);
    planForward(state, 2 * HOUR, 0, settings);
    noteEnqueued(state.lanes[3]!, 100, 2 * HOUR);
    expect(sendsAt(state, 2 * HOUR, settings)[0]).toBe('3:0-100');
  });

  test('a clock that is not synchronised can not tell a window: then none holds', () => {
    const state = stateWith({}, { 2: 100 }, settings);
    state.synced = false;
    state.gate = undefined;
    expect(sendsAt(state, 1, settings)).toEqual(['2:0-100']);
  });

  test.each([
    ['0 14 * * 1-5', 60, { others: false, untilMs: Date.UTC(2026, 1, 2, 14) }],
    ['0 12 * * *', 60, { others: true, untilMs: FROM + HOUR }],
    ['0 11 * * *', 60, { others: false, untilMs: FROM + 23 * HOUR }],
    ['* * * * *', 1, { others: true, untilMs: FROM + 60_000 }],
    ['0 13 30 1 *', 2 * 24 * 60, { others: true, untilMs: Date.UTC(2026, 1, 1, 13) }],
  ])('%s for %d minutes', (cron, minutes, expected) => {
    const { windows } = { windows: [{ cron, for: minutes * 60_000 }] };
    expect(gateAt({ ...NO_BUDGET, windows }, NEW_METER, FROM)).toMatchObject(expected);
  });
});

test('nonsense is refused with what is allowed', () => {
  const parsed = budget.safeParse({
    perDay: '1KiB',
    bytesPerSecond: '10B',
    backlogShare: 2,
    whenUsedUp: 'pause',
    windows: [
      { cron: '0 25 * * *', for: '1h' },
      { cron: '0 0 31 2 *', for: '1s' },
    ],
  });
  expect(parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
    expect.stringMatching(/^bytesPerSecond: at least 1KiB/),
    expect.stringMatching(/^perDay: at least 64KiB/),
    expect.stringMatching(/^whenUsedUp: .*only-critical.*stop/),
    expect.stringMatching(/^backlogShare: .*0.9/),
    expect.stringMatching(/^windows.0.cron: cron: hour "25", expected/),
    expect.stringMatching(/^windows.1.cron: cron: no such day/),
    expect.stringMatching(/^windows.1.for: between 1m and 7d/),
  ]);
});
