import { expect, test } from '@jest/globals';
import type { ClockState } from '../../core/reading.ts';
import { createAgeClock } from '../../journal/age-clock.ts';

const HOUR = 3_600_000;

function clockAt(wallMs: number, state: ClockState) {
  const now = { wall: wallMs, monotonic: 5_000, state };
  return {
    wallMs: () => now.wall,
    monotonicMs: () => now.monotonic,
    state: () => now.state,
    after: () => () => undefined,
    pass(ms: number) {
      now.wall += ms;
      now.monotonic += ms;
    },
    set(wall: number, to: ClockState) {
      now.wall = wall;
      now.state = to;
    },
  };
}

test('a new directory is 0 ms old and ages with monotonic time, whatever the wall clock does', () => {
  const clock = clockAt(9 * HOUR, 'synced');
  const age = createAgeClock(clock, undefined);
  expect(age.now()).toBe(0);
  clock.pass(HOUR);
  clock.set(0, 'synced');
  expect(age.now()).toBe(HOUR);
  expect(age.correction()).toBe(0);
});

test('the time between two processes counts if the wall clock was right at both ends', () => {
  const last = { ageMs: 100 * HOUR, wallMs: 1_000 * HOUR, synced: true };
  expect(createAgeClock(clockAt(1_009 * HOUR, 'synced'), last).now()).toBe(109 * HOUR);
  expect(createAgeClock(clockAt(1_009 * HOUR, 'synced'), { ...last, synced: false }).now()).toBe(100 * HOUR);
});

test('a wall clock that went back takes nothing away', () => {
  const last = { ageMs: 100 * HOUR, wallMs: 1_000 * HOUR, synced: true };
  expect(createAgeClock(clockAt(2 * HOUR, 'synced'), last).now()).toBe(100 * HOUR);
});

test('a clock that is set after the opening tells once how much older the rest is', () => {
  const clock = clockAt(0, 'unsynced');
  const age = createAgeClock(clock, { ageMs: 100 * HOUR, wallMs: 1_000 * HOUR, synced: true });
  clock.pass(HOUR);
  expect(age.correction()).toBe(0);
  clock.set(1_009 * HOUR, 'synced');
  // An hour of the nine is this process: what it wrote is dated by its own monotonic clock.
  expect(age.correction()).toBe(8 * HOUR);
  expect(age.correction()).toBe(0);
  expect(age.now()).toBe(101 * HOUR);
});
