import { describe, expect, test } from '@jest/globals';
import {
  emptyLane,
  newForwardState,
  noteEnqueued,
  noteLink,
  recoveredLane,
  waitingIn,
} from '../../../core/forward/state.ts';
import { NO_FATES } from '../../../core/lane-fates.ts';
import { MAX_PROBE_INTERVAL_MS } from '../../../core/priority.ts';
import { answer, apply, carryOut, EPOCH, LIMITS, plan, SECOND, stored, upState } from './forward-states.ts';

describe('what is sent when', () => {
  test('nothing before its sync interval, then everything of the lane together', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 5_000);
    noteEnqueued(lane, 15, 9_000);
    expect(plan(state, 4_999).sends).toEqual([]);
    expect(plan(state, 4_999).wakeAt).toBe(5_000);
    expect(carryOut(state, 5_000)).toEqual([{ from: 0, to: 15 }]);
  });

  test('a full envelope leaves before its time', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 100, 1e9);
    expect(carryOut(state, 1)).toEqual([{ from: 0, to: 100 }]);
  });

  test('critical is the first send of the plan, and has room of its own when the window is full', () => {
    const low = emptyLane(EPOCH, 3);
    const critical = emptyLane(EPOCH, 0);
    const state = upState(low, critical);
    noteEnqueued(low, 1_000, 0);
    expect(carryOut(state, 0)).toHaveLength(LIMITS.maxFlights);
    noteEnqueued(critical, 1, 0);
    const { sends } = plan(state, 0);
    expect(sends.map(({ lane }) => lane.lane)).toEqual([0]);
    const fresh = upState(emptyLane(EPOCH, 3), emptyLane(EPOCH, 0));
    for (const lane of fresh.lanes) noteEnqueued(lane, 10, 0);
    expect(plan(fresh, 0).sends[0]?.lane.lane).toBe(0);
  });

  test('an older epoch may leave at once after a restart', () => {
    const lane = recoveredLane(EPOCH, 2, { available: [{ from: 0, to: 30 }], end: 30, marks: [], fates: NO_FATES });
    expect(carryOut(upState(lane), 0)).toEqual([{ from: 0, to: 30 }]);
  });
});
describe('a million records wait', () => {
  const MILLION = 1_000_000;
  const found = { available: [{ from: 0, to: MILLION }], end: MILLION, marks: [], fates: NO_FATES };
  const behindBacklog = () => {
    const [backlog, live, critical] = [recoveredLane(EPOCH, 3, found), emptyLane(EPOCH, 2), emptyLane(EPOCH, 0)];
    return { state: upState(backlog, live, critical), backlog, live, critical };
  };

  test('critical is the first send of the plan, what is live comes before the backlog, and that has its share', () => {
    const { state, live, critical } = behindBacklog();
    noteEnqueued(live, 10, 0);
    noteEnqueued(critical, 1, 0);
    const { sends } = plan(state, 0);
    expect(sends.map(({ lane }) => lane.lane)).toEqual([0, 2, 3, 3]);
  });

  test('critical has room when the window is full of backlog, and is all that the next plan sends', () => {
    const { state, critical } = behindBacklog();
    expect(carryOut(state, 0)).toHaveLength(LIMITS.maxFlights);
    noteEnqueued(critical, 1, 0);
    expect(plan(state, 0).sends.map(({ lane, from, to }) => [lane.lane, from, to])).toEqual([[0, 0, 1]]);
  });

  test('a plan takes no longer for it: the whole backlog is planned, sent and answered envelope by envelope', () => {
    const { state, backlog } = behindBacklog();
    let envelopes = 0;
    // Work that grows with the records instead of the ranges would take minutes here.
    for (let now = 1; waitingIn(backlog) > 0; now++) {
      const sent = carryOut(state, now);
      envelopes += sent.length;
      apply(state, answer(stored(3, ...sent)), now);
    }
    expect(envelopes).toBe(MILLION / LIMITS.maxRecords);
  });

  test('nor if every other envelope of a long outage was delivered before: hundreds of ranges', () => {
    const ranges = Array.from({ length: 100 }, (_, index) => ({ from: index * 10_000, to: index * 10_000 + 5_000 }));
    const fates = { ...NO_FATES, delivered: ranges };
    const lane = recoveredLane(EPOCH, 3, { ...found, fates });
    const state = upState(lane);
    const critical = emptyLane(EPOCH, 0);
    state.lanes.push(critical);
    noteEnqueued(critical, 1, 0);
    expect(plan(state, 0).sends[0]?.lane.lane).toBe(0);
    for (let now = 1; waitingIn(lane) > 0; now++) apply(state, answer(stored(3, ...carryOut(state, now))), now);
    expect(lane.fates.delivered).toEqual([{ from: 0, to: MILLION }]);
  });
});

describe('what is asked when', () => {
  test('silence of everybody: the far side counts as down, and only probes leave, at most five minutes apart', () => {
    const lane = emptyLane(EPOCH, 2);
    const state = upState(lane);
    noteEnqueued(lane, 10, 0);
    carryOut(state, 0);
    let now = 30 * SECOND;
    const probes: number[] = [];
    const end = 7 * 24 * 3600 * SECOND;
    while (now < end) {
      const { questions, sends, wakeAt } = plan(state, now);
      expect(sends).toEqual([]);
      if (questions.length > 0) probes.push(now);
      expect(wakeAt).toBeGreaterThan(now);
      now = Math.max(now + 1, Math.ceil(wakeAt));
    }
    expect(state.far).toBe('down');
    const gaps = probes.slice(1).map((at, index) => at - probes[index]!);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(MAX_PROBE_INTERVAL_MS);
    expect(probes.length).toBeLessThan(end / MAX_PROBE_INTERVAL_MS / 0.85);
    apply(state, answer(stored(2, { from: 0, to: 10 })), now);
    expect(waitingIn(lane)).toBe(0);
  });
  test('a far side that has not spoken yet is probed when all there is to say is what was given up', () => {
    const fates = { ...NO_FATES, delivered: [{ from: 0, to: 4 }], damaged: [{ from: 4, to: 5 }] };
    const lane = recoveredLane(EPOCH, 2, { available: [], end: 5, marks: [], fates });
    const state = newForwardState([lane]);
    noteLink(state, true, 0);
    const [{ question } = { question: undefined }] = plan(state, 0).questions;
    expect(question).toMatchObject({ type: 'status', lanes: [{ epoch: EPOCH, ranges: [{ from: 4, to: 5 }] }] });
  });
});
