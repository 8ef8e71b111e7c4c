import { describe, expect, test } from '@jest/globals';
import { type BudgetConfig, budget, NO_BUDGET } from '../../../core/budget-schema.ts';
import { applyAnswer } from '../../../core/forward/answers.ts';
import { gateAt, MESSAGE_OVERHEAD_BYTES, meterBytes, NEW_METER } from '../../../core/forward/budget.ts';
import { planForward } from '../../../core/forward/plan.ts';
import { noteEnvelope, noteTraffic, waitToSend } from '../../../core/forward/sends.ts';
import { DEFAULT_LIMITS, type ForwardSettings, fittedLimits, readBytes } from '../../../core/forward/settings.ts';
import {
  emptyLane,
  type ForwardState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteSent,
} from '../../../core/forward/state.ts';
import { LANES, type Lane, PRIORITY_CONTRACT } from '../../../core/priority.ts';

const EPOCH = '00000000000000aa';
const FROM = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const answer = { farSide: 'far-1', items: [] };

const settingsWith = (rest: Partial<ForwardSettings> = {}): ForwardSettings => ({
  limits: { ...DEFAULT_LIMITS, maxFlights: 10, maxRecords: 100 },
  priorities: PRIORITY_CONTRACT,
  budget: NO_BUDGET,
  ...rest,
});
const withBudget = (rest: Partial<BudgetConfig>): ForwardSettings =>
  settingsWith({ budget: { ...NO_BUDGET, ...rest } });

/** Every lane, with so many records each that have waited for the far side, which now speaks; then so many new ones. */
function stateWith(
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
const sendsAt = (state: ForwardState, now: number, settings: ForwardSettings): string[] =>
  planForward(state, now, 0, settings).sends.map(({ lane, from, to }) => `${lane.lane}:${from}-${to}`);

/** Carries the plan out, each envelope of so many bytes. */
function send(state: ForwardState, now: number, settings: ForwardSettings, bytes: number): string[] {
  const { sends } = planForward(state, now, 0, settings);
  return sends.flatMap(({ lane, from, to }) => {
    if (waitToSend(state, lane, now, settings) > 0) return [];
    noteSent(lane, { from, to, sentAt: now, timeoutAt: Number.POSITIVE_INFINITY, bytes, commits: [] });
    noteEnvelope(state, lane, { from, to }, bytes, now);
    return [`${lane.lane}:${from}-${to}`];
  });
}

describe('order', () => {
  test('critical, then what is new by priority, with a fifth for the backlog', () => {
    const settings = settingsWith();
    const state = stateWith({ 0: 100, 3: 10_000 }, { 0: 100, 1: 100, 2: 1_000 }, settings);
    const order = sendsAt(state, 1, settings);
    expect(order.slice(0, 3)).toEqual(['0:100-200', '0:0-100', '1:0-100']);
    const backlog = order.filter((text) => text.startsWith('3:')).length;
    expect(order).toHaveLength(10);
    expect(backlog).toBe(2);
  });

  test('the share is one of bytes: a backlog of large records gets no more than it', () => {
    const settings = withBudget({ backlogShare: 0.2 });
    const state = stateWith({ 3: 100_000 }, { 2: 1_000 }, settings);
    state.lanes.find(({ lane }) => lane === 3)!.bytesPerRecord = 400;
    const counts = { live: 0, backlog: 0 };
    for (let round = 0; round < 200; round++) {
      for (const { lane } of planForward(state, round, 0, settings).sends) {
        counts[lane.lane === 3 ? 'backlog' : 'live'] += lane.bytesPerRecord * 100;
      }
    }
    const share = counts.backlog / (counts.live + counts.backlog);
    expect([share > 0.1, share < 0.3]).toEqual([true, true]);
  });

  test('who is alone has all the room', () => {
    const settings = settingsWith();
    expect(sendsAt(stateWith({ 2: 10_000 }, {}, settings), 1, settings)).toHaveLength(10);
    expect(sendsAt(stateWith({}, { 2: 1_000 }, settings), 1, settings)).toHaveLength(10);
  });

  test('critical is the first send behind a backlog of any depth, and has room when the window is full', () => {
    const settings = settingsWith();
    const state = stateWith({ 3: 1_000_000 }, {}, settings);
    send(state, 0, settings, 1_000);
    noteEnqueued(state.lanes[0]!, 1, 0);
    expect(sendsAt(state, 1, settings)).toEqual(['0:0-1']);
  });
});

describe('rates', () => {
  test('of a class: it waits for its tokens, the others do not', () => {
    const priorities = { ...PRIORITY_CONTRACT, low: { ...PRIORITY_CONTRACT.low, bytesPerSecond: 1_000 } };
    const settings = settingsWith({ priorities });
    const state = stateWith({}, { 2: 300, 3: 300 }, settings);
    expect(send(state, 0, settings, 3_000)).toEqual(['2:0-100', '2:100-200', '2:200-300', '3:0-100']);
    // 1,000 tokens less 3,100: in debt for 2.1 seconds.
    expect(planForward(state, 0, 0, settings).wakeAt).toBeCloseTo(2_101, 0);
    expect(send(state, 2_000, settings, 3_000)).toEqual([]);
    expect(send(state, 2_102, settings, 3_000)).toEqual(['3:100-200']);
  });

  test('of all together: over a minute no more leaves than the rate and one envelope, but for critical', () => {
    const rate = 2_000;
    const settings = withBudget({ bytesPerSecond: rate });
    const state = stateWith({ 2: 100_000 }, { 3: 100_000 }, settings);
    let bytes = 0;
    for (let now = 0; now <= 60_000; now += 100) {
      for (const lane of state.lanes) lane.flights = [];
      bytes += send(state, now, settings, 1_500).length * (1_500 + MESSAGE_OVERHEAD_BYTES);
    }
    expect(bytes).toBeLessThanOrEqual(61 * rate + 1_600);
    expect(bytes).toBeGreaterThan(59 * rate);
    noteEnqueued(state.lanes[0]!, 1, 0);
    expect(send(state, 60_001, settings, 1_500)).toEqual(['0:0-1']);
  });

  test('the window is fitted to the slowest way: what flies gets through in half of the shortest timeout', () => {
    const slow = fittedLimits(DEFAULT_LIMITS, PRIORITY_CONTRACT, { bytesPerSecond: 4_096 }, [{ type: 'hub' }]);
    expect(slow.maxFlightBytes).toBe(4.096 * 2_500);
    expect(slow.maxRecords).toBeLessThan(DEFAULT_LIMITS.maxRecords);
    const cloud = fittedLimits(DEFAULT_LIMITS, PRIORITY_CONTRACT, {}, [{ type: 'hub' }, { type: 'iot-core' }]);
    expect(cloud.maxFlightBytes).toBe(512 * 1024 * 2.5);
    expect(fittedLimits(DEFAULT_LIMITS, PRIORITY_CONTRACT, {}, [{ type: 'hub' }])).toEqual(DEFAULT_LIMITS);
    const settings = settingsWith({ limits: { ...slow, maxRecords: 100, maxFlights: 100 } });
    expect(sendsAt(stateWith({}, { 2: 100_000 }, settings), 1, settings)).toHaveLength(
      Math.ceil(slow.maxFlightBytes / 400),
    );
  });
});

describe('an envelope has the way out for itself for a second at most', () => {
  const NUMBER_BYTES = 9;
  const fitted = (link: number | undefined, budget?: number) =>
    fittedLimits(DEFAULT_LIMITS, PRIORITY_CONTRACT, { bytesPerSecond: budget }, [{ type: 'hub' }], {
      bytesPerSecond: link,
    });

  test.each([8 * 1024, 16 * 1024, 50_000])('numbers and texts alike, at %i bytes a second of the link', (rate) => {
    const limits = fitted(rate);
    expect(limits.maxEnvelopeBytes).toBe(rate);
    expect(limits.maxRecords * NUMBER_BYTES).toBeLessThan(rate + NUMBER_BYTES);
    expect(readBytes(limits)).toBeLessThanOrEqual(rate);
    expect(limits.maxFlightBytes).toBe((rate / 1_000) * 2_500);
  });

  test('the slower of link and budget counts; however slow, an envelope is worth its header', () => {
    expect(fitted(50_000, 10_000)).toEqual(fitted(10_000, 50_000));
    const slowest = fitted(undefined, 100);
    expect(slowest).toMatchObject({ maxEnvelopeBytes: 2_048, maxFlightBytes: 2_048, maxRecords: 228 });
    expect(readBytes(slowest)).toBe(8_192);
  });

  test('a fast link changes nothing', () => {
    expect(fitted(undefined)).toEqual(DEFAULT_LIMITS);
    const { maxRecords, maxFlightBytes } = fitted(100_000_000);
    expect({ maxRecords, maxFlightBytes }).toEqual({
      maxRecords: DEFAULT_LIMITS.maxRecords,
      maxFlightBytes: DEFAULT_LIMITS.maxFlightBytes,
    });
    expect(readBytes(fitted(100_000_000))).toBe(readBytes(DEFAULT_LIMITS));
  });
});

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
