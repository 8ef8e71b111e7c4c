import { describe, expect, test } from '@jest/globals';
import { MESSAGE_OVERHEAD_BYTES } from '../../../core/forward/budget.ts';
import { planForward } from '../../../core/forward/plan.ts';
import { DEFAULT_LIMITS, fittedLimits, readBytes } from '../../../core/forward/settings.ts';
import { noteEnqueued } from '../../../core/forward/state.ts';
import { PRIORITY_CONTRACT } from '../../../core/priority.ts';
import { send, sendsAt, settingsWith, stateWith, withBudget } from './send-states.ts';

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
