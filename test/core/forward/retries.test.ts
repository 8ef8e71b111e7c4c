import { describe, expect, test } from '@jest/globals';
import { markAge } from '../../../core/forward/age.ts';
import { noteBuried } from '../../../core/forward/dead-letters.ts';
import { inDoubtIn } from '../../../core/forward/doubt.ts';
import type { ForwardPlan } from '../../../core/forward/plan.ts';
import {
  emptyLane,
  type LaneState,
  newForwardState,
  noteEnqueued,
  noteLink,
  noteOutcome,
  recoveredLane,
} from '../../../core/forward/state.ts';
import { NO_FATES, triesOf } from '../../../core/lane-fates.ts';
import { type AnswerItem, FREE_REFUSALS, REFUSALS, type Refusal } from '../../../core/messages.ts';
import { PRIORITY_CONTRACT } from '../../../core/priority.ts';
import type { Range } from '../../../core/ranges.ts';
import {
  answer,
  apply,
  carryOut,
  EPOCH,
  HOUR,
  keyOf,
  plan,
  SECOND,
  SETTINGS,
  stored,
  upState,
} from './forward-states.ts';

const HIGH = PRIORITY_CONTRACT.high;
const KEY = keyOf(1);

const refused = (range: Range, reason: Refusal = 'not-allowed'): AnswerItem => ({
  type: 'refused',
  ...KEY,
  ...range,
  reason,
});
const unknown = (range: Range): AnswerItem => ({ type: 'status', ...KEY, asked: [range], known: [] });

/** One lane of priority high behind a link that is up, and a far side that has spoken. */
function high(lane: LaneState = emptyLane(EPOCH, 1)) {
  const state = upState(lane);
  return {
    state,
    lane,
    plan: (now: number): ForwardPlan => plan(state, now),
    say: (now: number, ...items: AnswerItem[]) => apply(state, answer(...items), now).outcomes,
    enqueue(now: number, count = 1): void {
      noteEnqueued(lane, lane.end + count, now);
      markAge(state, lane, now, SETTINGS);
    },
    send: (now: number): Range[] => carryOut(state, now),
  };
}

describe('refusals', () => {
  test('a record that is refused each time is sent 11 times, each wait longer; then it is to be buried', () => {
    const { lane, enqueue, send, say, plan } = high();
    enqueue(0);
    const sentAt: number[] = [];
    for (let now = 0; lane.dying.length === 0; now = Math.max(now, plan(now).wakeAt)) {
      if (send(now).length === 0) continue;
      sentAt.push(now);
      say(now, refused({ from: 0, to: 1 }));
      plan(now);
    }
    const waits = sentAt.slice(1).map((at, index) => (at - sentAt[index]!) / SECOND);
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    expect(lane.dying).toEqual([{ from: 0, to: 1, reason: 'not-allowed', attempts: 11 }]);
    expect(plan(HOUR * 5).deadLetters).toMatchObject([{ from: 0, to: 1, reason: 'not-allowed' }]);
    expect(noteBuried(lane, [{ from: 0, to: 1 }])).toMatchObject([{ fate: 'dead-lettered', reason: 'not-allowed' }]);
    expect(plan(HOUR * 5).deadLetters).toEqual([]);
  });

  test.each(REFUSALS.map((reason) => ({ reason })))('$reason uses a retry, or none', ({ reason }) => {
    const { lane, enqueue, send, say } = high();
    enqueue(0);
    send(0);
    say(1, refused({ from: 0, to: 1 }, reason));
    const free = FREE_REFUSALS.some((one) => one === reason);
    expect(triesOf(lane.fates, { from: 0, to: 1 })).toBe(free ? 0 : 1);
  });

  test('one that comes twice, or hours late, is one failure', () => {
    const { lane, enqueue, send, say } = high();
    enqueue(0);
    send(0);
    for (const now of [1, 2, 3]) say(now, refused({ from: 0, to: 1 }));
    expect(triesOf(lane.fates, { from: 0, to: 1 })).toBe(1);
  });

  test('a poisoned record does not take the others of its envelope with it', () => {
    const { lane, enqueue, send, say, plan } = high();
    const poison = 37;
    enqueue(0, 100);
    for (
      let now = 0;
      now < 24 * HOUR && plan(now).deadLetters.length === 0;
      now = Math.max(now + 1, plan(now).wakeAt)
    ) {
      for (const range of send(now)) {
        const bad = range.from <= poison && poison < range.to;
        say(now, bad ? refused(range) : stored(1, range));
      }
    }
    const [{ from, to } = { from: 0, to: 0 }, ...more] = lane.dying;
    expect(more).toEqual([]);
    expect([from <= poison && poison < to, to - from <= 4]).toEqual([true, true]);
    expect(lane.fates.delivered).toEqual([
      { from: 0, to: from },
      { from: to, to: 100 },
    ]);
  });

  test('how often it was tried survives a restart: the forward log is told', () => {
    const first = high();
    first.enqueue(0);
    first.send(0);
    const told = first.say(1, refused({ from: 0, to: 1 }, 'too-large'));
    expect(told).toMatchObject([{ fate: 'tried', count: 1, reason: 'too-large' }]);
    const tries = [{ from: 0, to: 1, count: 11, reason: 'too-large' as const }];
    const fates = { ...NO_FATES, tries };
    const found = { available: [{ from: 0, to: 1 }], end: 1, marks: [], fates };
    const second = high(recoveredLane(EPOCH, 1, found));
    expect(second.plan(0)).toMatchObject({ sends: [], deadLetters: [{ reason: 'too-large', attempts: 11 }] });
  });
});

describe('silence', () => {
  /** Sends one record and lets its time pass while the far side answers for others. */
  function silent() {
    const rig = high();
    rig.enqueue(0);
    rig.send(0);
    rig.say(5 * SECOND); // ingest is there
    rig.plan(HIGH.initialTimeoutMs);
    expect(rig.state.far).toBe('up');
    return rig;
  }
  const one = { from: 0, to: 1 };

  test('alone uses up nothing', () => {
    const { lane, say } = silent();
    say(11 * SECOND, unknown(one));
    expect(triesOf(lane.fates, one)).toBe(0);
  });

  test('uses a retry once an envelope of the lane is acknowledged that was sent at least one timeout later', () => {
    const { lane, enqueue, send, say } = silent();
    enqueue(10 * SECOND);
    expect(send(10 * SECOND)).toEqual([{ from: 1, to: 2 }]);
    say(11 * SECOND, stored(1, { from: 1, to: 2 }));
    expect(triesOf(lane.fates, one)).toBe(1);
    expect(lane.fates.tries).toMatchObject([{ reason: 'no-answer' }]);
  });

  test('that has used up a retry, and a refusal of the same send after all, are one failure; of the next send another', () => {
    const { lane, enqueue, send, say, plan } = silent();
    enqueue(10 * SECOND);
    send(10 * SECOND);
    say(11 * SECOND, stored(1, { from: 1, to: 2 }));
    say(12 * SECOND, refused(one));
    expect(lane.fates.tries).toMatchObject([{ ...one, count: 1, reason: 'no-answer' }]);
    const { wakeAt } = plan(12 * SECOND);
    expect(send(wakeAt)).toEqual([one]);
    say(wakeAt, refused(one));
    expect(lane.fates.tries).toMatchObject([{ ...one, count: 2, reason: 'not-allowed' }]);
  });

  test('not if the acknowledged one was sent a moment earlier, whenever its answer comes', () => {
    const { lane, state, enqueue, send, say, plan } = high();
    enqueue(0);
    send(0);
    enqueue(1);
    expect(send(HIGH.initialTimeoutMs - 1)).toEqual([{ from: 1, to: 2 }]);
    say(HIGH.initialTimeoutMs - 1); // ingest is there
    plan(HIGH.initialTimeoutMs);
    expect([state.far, lane.silences]).toMatchObject(['up', [one]]);
    say(HIGH.initialTimeoutMs + 1, stored(1, { from: 1, to: 2 }));
    expect(triesOf(lane.fates, one)).toBe(0);
  });

  test('not if the far side was away: a probe that nobody answered explains it', () => {
    const { lane, state, enqueue, send, say, plan } = high();
    enqueue(0);
    send(0);
    for (let now = 10 * SECOND; now < HOUR; now += 10 * SECOND) plan(now);
    expect(state.far).toBe('down');
    say(HOUR, unknown(one));
    enqueue(HOUR);
    for (const range of send(HOUR)) say(HOUR, stored(1, range));
    expect(lane.fates.tries).toEqual([]);
    expect(lane.fates.delivered).toEqual([{ from: 0, to: 2 }]);
  });

  test('nor if the one that is acknowledged then is another, and nobody knows of the first yet', () => {
    const { lane, state, enqueue, send, say, plan } = high();
    enqueue(0);
    send(0);
    for (let now = 10 * SECOND; now < HOUR; now += 10 * SECOND) plan(now);
    expect(state.far).toBe('down');
    say(HOUR);
    enqueue(HOUR);
    expect(send(HOUR)).toEqual([{ from: 1, to: 2 }]);
    say(HOUR, stored(1, { from: 1, to: 2 }));
    expect(lane.fates.tries).toEqual([]);
  });

  test('not if the link broke in between', () => {
    const { lane, state, enqueue, send, say } = silent();
    noteLink(state, false, 11 * SECOND);
    noteLink(state, true, 12 * SECOND);
    say(12 * SECOND);
    enqueue(12 * SECOND);
    for (const range of send(12 * SECOND)) say(13 * SECOND, stored(1, range));
    expect(lane.fates.tries).toEqual([]);
  });
});

describe('time to live', () => {
  test('runs from the enqueueing, link or no link; what flies is waited for', () => {
    const { lane, state, enqueue, send, plan } = high();
    enqueue(0);
    send(0);
    enqueue(HOUR, 2);
    noteLink(state, false, HOUR);
    expect(plan(24 * HOUR - 1).outcomes).toEqual([]);
    expect(plan(24 * HOUR).outcomes).toMatchObject([{ from: 0, to: 1, fate: 'expired' }]);
    expect(plan(24 * HOUR).wakeAt).toBe(25 * HOUR);
    expect(plan(25 * HOUR).outcomes).toMatchObject([{ from: 1, to: 3, fate: 'expired' }]);
    expect(lane.fates.expired).toEqual([{ from: 0, to: 3 }]);
  });

  test('an envelope on its way does not expire before its answer is late', () => {
    const { lane, enqueue, send, say, plan } = high();
    enqueue(0);
    const last = 24 * HOUR - 1;
    send(last);
    expect(plan(24 * HOUR).outcomes).toEqual([]);
    say(24 * HOUR + 1, stored(1, { from: 0, to: 1 }));
    expect(lane.fates.delivered).toEqual([{ from: 0, to: 1 }]);
  });

  test('what was sent and expired is in doubt, asked about, and delivered if the far side has it', () => {
    const { lane, state, enqueue, send, say, plan } = high();
    enqueue(0, 2);
    send(0);
    noteLink(state, false, 1);
    plan(24 * HOUR);
    expect([lane.fates.expired, inDoubtIn(lane)]).toEqual([[{ from: 0, to: 2 }], 2]);
    noteLink(state, true, 25 * HOUR);
    expect(plan(25 * HOUR).questions).toMatchObject([{ question: { lanes: [{ ranges: [{ from: 0, to: 2 }] }] } }]);
    say(25 * HOUR, { type: 'status', ...KEY, asked: [{ from: 0, to: 2 }], known: [{ from: 0, to: 1 }] });
    expect([lane.fates.delivered, lane.fates.expired, inDoubtIn(lane)]).toEqual([
      [{ from: 0, to: 1 }],
      [{ from: 1, to: 2 }],
      0,
    ]);
    // Only now is it stated; an acknowledgement that comes after all is still the truth.
    state.statementAt = 0;
    expect(plan(25 * HOUR).questions).toMatchObject([
      { question: { type: 'counts', lanes: [{ givenUp: [{ from: 1, to: 2 }] }] } },
    ]);
    expect(say(26 * HOUR, stored(1, { from: 1, to: 2 }))).toMatchObject([{ fate: 'delivered' }]);
  });

  test('what was evicted or expired and never sent is stated at once', () => {
    const { lane, state, enqueue, plan } = high();
    enqueue(0, 3);
    noteOutcome(lane, { epoch: EPOCH, lane: 1, from: 0, to: 2, fate: 'evicted' });
    expect(inDoubtIn(lane)).toBe(0);
    state.statementAt = 0;
    expect(plan(1).questions).toMatchObject([
      { question: { type: 'counts', lanes: [{ givenUp: [{ from: 0, to: 2 }] }] } },
    ]);
  });

  test('of records of an earlier opening it is counted by the age clock of the journal', () => {
    const found = {
      available: [{ from: 0, to: 10 }],
      end: 10,
      marks: [
        { to: 4, ageMs: 5 * HOUR },
        { to: 10, ageMs: 8 * HOUR },
      ],
      fates: NO_FATES,
    };
    const lane = recoveredLane(EPOCH, 1, found);
    const state = newForwardState([lane], 28 * HOUR);
    const at = (now: number) => plan(state, now);
    expect(at(0)).toMatchObject({ outcomes: [], wakeAt: HOUR });
    expect(at(HOUR).outcomes).toMatchObject([{ from: 0, to: 4 }]);
    expect(at(HOUR).wakeAt).toBe(4 * HOUR);
  });
});
