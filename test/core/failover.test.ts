import { describe, expect, test } from '@jest/globals';
import {
  type FailoverAction,
  type FailoverConfig,
  type FailoverEvent,
  LASTING_MS,
  MAX_PAUSE_MS,
  newFailoverState,
  PROBE_WITHIN_MS,
  stepFailover,
} from '../../core/failover.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const CONFIG: FailoverConfig = {
  uplinks: 2,
  unreachableMs: MINUTE,
  silentMs: 3 * MINUTE,
  probeEveryMs: MINUTE,
  steadyMs: 30 * SECOND,
};

/** A machine with its own clock; `run` lets time pass and gives what was done, when. */
function machine(config: Partial<FailoverConfig> = {}, fraction = 0) {
  const full = { ...CONFIG, ...config };
  const state = newFailoverState(0);
  let now = 0;
  let wakeAt = 0;
  const feed = (event: FailoverEvent): FailoverAction[] => {
    const step = stepFailover(state, event, now, fraction, full);
    wakeAt = step.wakeAt;
    return step.actions;
  };
  return {
    state,
    feed,
    now: () => now,
    run(ms: number): { at: number; action: FailoverAction }[] {
      const end = now + ms;
      const done: { at: number; action: FailoverAction }[] = [];
      for (let turns = 0; wakeAt <= end; turns++) {
        if (turns > 10_000) throw new Error('it wakes itself without end');
        now = Math.max(now, wakeAt);
        done.push(...feed({ type: 'time' }).map((action) => ({ at: now, action })));
      }
      now = end;
      return done;
    },
  };
}
const use = (uplink: number, reason: string, promote = false) => ({ type: 'use', uplink, promote, reason });

describe('leaving an uplink', () => {
  test('no connection for the time given: the next one; not a moment earlier', () => {
    const m = machine();
    expect(m.run(MINUTE - 1)).toEqual([]);
    expect(m.run(1)).toEqual([{ at: MINUTE, action: use(1, 'unreachable') }]);
  });

  test('a short loss of the connection is none', () => {
    const m = machine();
    m.feed({ type: 'link', up: true });
    for (let loss = 0; loss < 20; loss++) {
      m.feed({ type: 'link', up: false });
      expect(m.run(MINUTE - 1)).toEqual([]);
      m.feed({ type: 'link', up: true });
      expect(m.run(1)).toEqual([]);
    }
    expect(m.state.active).toBe(0);
  });

  test('connected and silent: the next one; an answer starts the wait anew, silence without a question is none', () => {
    const m = machine();
    m.feed({ type: 'link', up: true });
    expect(m.run(100 * MINUTE)).toEqual([]);
    m.feed({ type: 'sent' });
    expect(m.run(2 * MINUTE)).toEqual([]);
    m.feed({ type: 'answered' });
    expect(m.run(100 * MINUTE)).toEqual([]);
    m.feed({ type: 'sent' });
    m.run(MINUTE);
    m.feed({ type: 'sent' }); // later questions do not put it off
    expect(m.run(10 * MINUTE)[0]).toEqual({ at: 205 * MINUTE, action: use(1, 'silent') });
  });

  test('a connection that flaps and never answers is silent too', () => {
    const m = machine();
    m.feed({ type: 'link', up: true });
    m.feed({ type: 'sent' });
    for (let flap = 1; flap < 9; flap++) {
      m.feed({ type: 'link', up: false });
      expect(m.run(10 * SECOND)).toEqual([]);
      m.feed({ type: 'link', up: true });
      m.feed({ type: 'sent' });
      expect(m.run(10 * SECOND)).toEqual([]);
    }
    expect(m.run(MINUTE)).toEqual([{ at: 3 * MINUTE, action: use(1, 'silent') }]);
  });

  test('nothing answers anywhere: round and round, ever more slowly, at most 10 min each', () => {
    const m = machine({ uplinks: 3 });
    const uses = m.run(24 * 60 * MINUTE).filter(({ action }) => action.type === 'use');
    const gaps = uses.slice(1).map(({ at }, index) => at - uses[index]!.at);
    expect(gaps.slice(0, 5)).toEqual([1, 1, 2, 2, 2].map((minutes) => minutes * MINUTE));
    expect(Math.max(...gaps)).toBe(MAX_PAUSE_MS);
    expect(uses.map(({ action }) => (action as { uplink: number }).uplink).slice(0, 4)).toEqual([1, 2, 0, 1]);
    m.feed({ type: 'link', up: true });
    m.feed({ type: 'answered' });
    m.feed({ type: 'link', up: false });
    expect(m.run(MINUTE).filter(({ action }) => action.type === 'use')).toHaveLength(1); // patience is short again
  });

  test('one uplink is never left', () => {
    const m = machine({ uplinks: 1 });
    m.feed({ type: 'sent' });
    expect(m.run(1_000 * MINUTE)).toEqual([]);
  });
});

describe('returning to a preferred one', () => {
  function onSecond(config: Partial<FailoverConfig> = {}, fraction = 0) {
    const m = machine(config, fraction);
    m.run(MINUTE);
    expect(m.state.active).toBe(1);
    m.feed({ type: 'link', up: true });
    m.feed({ type: 'answered' });
    return m;
  }

  test('it is looked at beside the active one; two answers, a while apart, bring the records back to it', () => {
    const m = onSecond();
    // The failure of the first counts as one look in vain, so the pause has doubled; the lower half of it is certain.
    expect(m.run(MINUTE)).toEqual([{ at: 2 * MINUTE, action: { type: 'probe', uplink: 0 } }]);
    expect(m.feed({ type: 'probe-link', up: true })).toEqual([{ type: 'ask' }]);
    expect(m.feed({ type: 'probe-answered' })).toEqual([]);
    expect(m.run(30 * SECOND)).toEqual([{ at: 2 * MINUTE + 30 * SECOND, action: { type: 'ask' } }]);
    expect(m.feed({ type: 'probe-answered' })).toEqual([use(0, 'preferred-answers', true)]);
    expect(m.run(1_000 * MINUTE)).toEqual([]);
    expect(m.state.active).toBe(0);
  });

  test('connected is not answering: the look is given up, and the next one comes later', () => {
    const m = onSecond({}, 0.999_999);
    const done = [];
    for (let minute = 0; minute < 120; minute++) {
      const some = m.run(MINUTE);
      done.push(...some);
      if (some.some(({ action }) => action.type === 'probe')) m.feed({ type: 'probe-link', up: true });
    }
    const looks = done.filter(({ action }) => action.type === 'probe').map(({ at }) => at);
    const drops = done.filter(({ action }) => action.type === 'drop-probe').map(({ at }) => at);
    expect(drops.map((at, index) => at - looks[index]!)).toEqual(drops.map(() => PROBE_WITHIN_MS));
    const pauses = looks.slice(1).map((at, index) => Math.round((at - drops[index]!) / MINUTE));
    expect(pauses.slice(0, 4)).toEqual([4, 8, 10, 10]);
    expect(m.state.active).toBe(1);
  });

  test('one answer is not enough: lost again in the meantime, nothing changes', () => {
    const m = onSecond();
    m.run(MINUTE);
    m.feed({ type: 'probe-link', up: true });
    m.feed({ type: 'probe-answered' });
    expect(m.feed({ type: 'probe-link', up: false })).toEqual([{ type: 'drop-probe' }]);
    expect(m.state.active).toBe(1);
  });

  test('the active one fails while a preferred one has answered once: that one is used at once', () => {
    const m = onSecond({ steadyMs: 10 * MINUTE });
    m.feed({ type: 'link', up: false });
    m.run(MINUTE - 1);
    m.feed({ type: 'link', up: true });
    m.run(SECOND);
    m.feed({ type: 'probe-link', up: true });
    m.feed({ type: 'probe-answered' });
    m.feed({ type: 'link', up: false });
    expect(m.run(MINUTE).at(-1)!.action).toEqual(use(0, 'unreachable', true));
  });

  test('of three the best is looked at first, then the second best', () => {
    const m = machine({ uplinks: 3 });
    m.run(2 * MINUTE);
    expect(m.state.active).toBe(2);
    m.feed({ type: 'link', up: true });
    m.feed({ type: 'answered' });
    const looks = m.run(60 * MINUTE).filter(({ action }) => action.type === 'probe');
    expect(looks.slice(0, 3).map(({ action }) => (action as { uplink: number }).uplink)).toEqual([0, 1, 0]);
  });

  test('a preferred one that fails soon after each return is tried more and more seldom; one that lasted is not', () => {
    const m = onSecond();
    const back = (): number => {
      const from = m.now();
      let waited = -1;
      while (waited < 0) {
        const [look] = m.run(SECOND).filter(({ action }) => action.type === 'probe');
        if (look) waited = look.at - from;
      }
      m.feed({ type: 'probe-link', up: true });
      m.feed({ type: 'probe-answered' });
      m.run(30 * SECOND);
      m.feed({ type: 'probe-answered' });
      expect(m.state.active).toBe(0);
      return waited;
    };
    const fail = (afterMs: number): void => {
      m.feed({ type: 'answered' });
      m.run(afterMs);
      m.feed({ type: 'link', up: false });
      m.run(MINUTE);
      expect(m.state.active).toBe(1);
      m.feed({ type: 'link', up: true });
      m.feed({ type: 'answered' });
    };
    const waits = [back()];
    for (let round = 0; round < 3; round++) {
      fail(SECOND);
      waits.push(back());
    }
    expect(waits).toEqual([1, 2, 4, 5].map((minutes) => minutes * MINUTE));
    fail(LASTING_MS);
    expect(back()).toBe(MINUTE / 2);
  });
});

describe('no connection is needed', () => {
  test('nothing is a failure and nothing is looked at, for however long; afterwards it waits anew', () => {
    const m = machine();
    m.feed({ type: 'link', up: true });
    m.feed({ type: 'sent' });
    expect(m.feed({ type: 'wanted', is: false })).toEqual([]);
    m.feed({ type: 'link', up: false });
    expect(m.run(24 * 60 * MINUTE)).toEqual([]);
    expect(m.feed({ type: 'wanted', is: true })).toEqual([]);
    const begun = m.now();
    expect(m.run(MINUTE - 1)).toEqual([]);
    expect(m.run(1)).toEqual([{ at: begun + MINUTE, action: use(1, 'unreachable') }]);
  });

  test('a look at a preferred one is dropped, and begun again afterwards', () => {
    const m = machine();
    m.run(MINUTE);
    m.feed({ type: 'link', up: true });
    expect(m.run(10 * MINUTE)[0]!.action).toEqual({ type: 'probe', uplink: 0 });
    const looking = m.state.probe !== undefined;
    expect(m.feed({ type: 'wanted', is: false })).toEqual(looking ? [{ type: 'drop-probe' }] : []);
    expect([m.state.probe, m.run(60 * MINUTE)]).toEqual([undefined, []]);
    m.feed({ type: 'wanted', is: true });
    m.feed({ type: 'link', up: true });
    expect(m.run(MAX_PAUSE_MS)).toContainEqual({ at: expect.any(Number), action: { type: 'probe', uplink: 0 } });
  });
});
