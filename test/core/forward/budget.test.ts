import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { budget, NO_BUDGET } from '../../../core/budget-schema.ts';
import { gateAt, type Meter, meterAt, meterBytes, NEW_METER } from '../../../core/forward/budget.ts';
import { planForward } from '../../../core/forward/plan.ts';
import { noteClock, noteTraffic } from '../../../core/forward/sends.ts';
import { emptyLane, newForwardState, noteEnqueued, noteLink } from '../../../core/forward/state.ts';
import { LANES } from '../../../core/priority.ts';
import { EPOCH, FROM, HOUR, sendsAt, stateWith, withBudget } from './send-states.ts';

const DAY = 24 * HOUR;
/** What a clock that is right shows. */
const right = (wallMs: number) => ({ wallMs, synced: true });

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

  test('a clock that is set back over midnight begins no day twice', () => {
    const meter: Meter = { day: '2026-02-01', dayBytes: 5, monthBytes: 9 };
    expect(meterBytes(meter, 1, right(Date.UTC(2026, 0, 31, 23, 59)))).toEqual({
      ...meter,
      dayBytes: 6,
      monthBytes: 10,
    });
    expect(meterAt(meter, right(Date.UTC(2026, 1, 1, 0, 1)))).toBe(meter);
  });

  test('a clock that was days ahead takes the meter back with it, with what was counted', () => {
    const ahead = meterBytes(NEW_METER, 500, right(Date.UTC(2099, 11, 31)));
    expect(meterBytes(ahead, 1, right(FROM))).toEqual({ day: '2026-01-31', dayBytes: 501, monthBytes: 501 });
  });

  test('a clock that is not synchronised begins no day: each boot in 1970 would be a budget', () => {
    const meter: Meter = { day: '2026-01-31', dayBytes: 5, monthBytes: 9 };
    for (const wallMs of [0, DAY, FROM + 40 * DAY]) expect(meterAt(meter, { wallMs, synced: false })).toBe(meter);
    const early = meterBytes(NEW_METER, 7, { wallMs: 0, synced: false });
    expect(meterAt(early, right(FROM))).toEqual({ day: '2026-01-31', dayBytes: 7, monthBytes: 7 });
  });

  test('with nothing allowed to leave, looking at the clock is enough for the next day to begin', () => {
    const stop = withBudget({ perDay: 10_000, whenUsedUp: 'stop' });
    const state = stateWith({}, { 2: 100 }, stop);
    noteClock(state, 0, right(Date.UTC(2099, 11, 31)));
    noteTraffic(state, 10_000, 0);
    noteClock(state, 1, right(FROM));
    expect(sendsAt(state, 1, stop)).toEqual([]);
    noteClock(state, 2, right(FROM + 12 * HOUR));
    expect(sendsAt(state, 2, stop)).toEqual(['2:0-100']);
  });

  describe('whatever the clock showed', () => {
    const { budget: config } = withBudget({ perDay: 10_000, perMonth: 100_000, whenUsedUp: 'stop' });
    const anyTime = fc.record({
      wallMs: fc.oneof(
        fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) }),
        fc.integer({ min: FROM, max: FROM + 9 * DAY }),
      ),
      synced: fc.boolean(),
      bytes: fc.integer({ min: 0, max: 200_000 }),
    });

    test('once it is right a day is closed until the second midnight at most, a month until the second month', () => {
      fc.assert(
        fc.property(fc.array(anyTime), fc.integer({ min: FROM, max: FROM + 400 * DAY }), (past, now) => {
          const before = past.reduce((meter, { bytes, ...wall }) => meterBytes(meter, bytes, wall), NEW_METER);
          let meter = meterAt(before, right(now));
          const closedUntil = (budget: typeof config): number => {
            let wallMs = now;
            for (let looks = 0; looks < 4; looks++) {
              meter = meterAt(meter, right(wallMs));
              const gate = gateAt(budget, meter, right(wallMs));
              if (gate.others) return wallMs;
              wallMs = gate.untilMs;
            }
            return Number.POSITIVE_INFINITY;
          };
          expect(closedUntil({ ...config, perMonth: undefined })).toBeLessThanOrEqual(
            (Math.floor(now / DAY) + 2) * DAY,
          );
          const [year, month] = [new Date(now).getUTCFullYear(), new Date(now).getUTCMonth()];
          expect(closedUntil({ ...config, perDay: undefined })).toBeLessThanOrEqual(Date.UTC(year, month + 2, 1));
        }),
      );
    });

    test('a clock that is right to within a day, or not believed, gives no day two budgets', () => {
      const step = fc.record({
        aheadMs: fc.integer({ min: 0, max: DAY }),
        backMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: DAY })),
        bytes: fc.integer({ min: 1, max: 3_000 }),
        booting: fc.option(anyTime, { nil: undefined }),
      });
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
          let latest = FROM;
          let meter = meterAt(NEW_METER, right(FROM));
          const sentOn: Record<string, number> = {};
          for (const { aheadMs, backMs, bytes, booting } of steps) {
            latest += aheadMs;
            const wall = booting ? { wallMs: booting.wallMs, synced: false } : right(latest - backMs);
            if (!booting && backMs > 0) meter = meterAt(meter, right(latest));
            meter = meterAt(meter, wall);
            if (!gateAt(config, meter, wall).others) continue;
            meter = meterBytes(meter, bytes, wall);
            sentOn[meter.day] = (sentOn[meter.day] ?? 0) + bytes;
            expect(sentOn[meter.day]).toBeLessThan(10_000 + bytes);
            if (!booting) expect(meter.day).toBe(new Date(latest).toISOString().slice(0, 10));
          }
        }),
      );
    });
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
    expect(gateAt(config, meter, right(FROM))).toMatchObject({
      others: false,
      closed: 'budget',
      untilMs: Date.UTC(2026, 1, 1),
    });
    expect(gateAt(config, meter, right(Date.UTC(2026, 1, 1)))).toMatchObject({ others: true, closed: undefined });
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
    expect(gateAt({ ...NO_BUDGET, windows }, NEW_METER, right(FROM))).toMatchObject(expected);
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
