import { expect, test } from '@jest/globals';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { HALF_OPEN_FOUND_MS } from '../../../adapters/mqtt/far-side.ts';
import { createReadGate, REPORT_EVERY_MS } from '../../../adapters/mqtt/read-gate.ts';
import { fleetSchema } from '../../../core/fleet.ts';

const setUp = () => {
  const clock = createManualClock();
  const logger = createMemoryLogger();
  const gate = createReadGate({ clock, logger }, { messagesPerSecond: 100, bytesPerSecond: 10_000 });
  return { clock, logger, gate };
};

test('within the rate nobody waits; beyond it as long as the rate needs for what was too much', () => {
  const { clock, gate } = setUp();
  expect(gate.note('a', 10_000, 1)).toBe(0);
  expect(gate.note('a', 5_000, 1)).toBe(500);
  clock.advance(500);
  expect(gate.note('a', 0, 0)).toBe(0);
  expect(gate.note('b', 10, 300)).toBe(2_000);
});

test('one client costs another nothing, and a new connection brings no new allowance', () => {
  const { gate } = setUp();
  expect(gate.note('a', 1_000_000, 1)).toBeGreaterThan(0);
  expect(gate.note('b', 10_000, 1)).toBe(0);
  expect(gate.note('a', 1, 1)).toBeGreaterThan(0);
});

test('said once, then at most every ten minutes, of each client by itself', () => {
  const { clock, logger, gate } = setUp();
  for (let index = 0; index < 100; index++) gate.note('a', 20_000, 1);
  gate.note('b', 20_000, 1);
  const told = () => logger.lines.map(({ fields }) => (fields as { node: string }).node);
  expect(told()).toEqual(['a', 'b']);
  clock.advance(REPORT_EVERY_MS);
  gate.note('a', 2_000_000, 1);
  expect(told()).toEqual(['a', 'b', 'a']);
});

test('the lowest rate that a fleet file allows never keeps a PINGREQ waiting as long as a keepalive', () => {
  const base = { version: 1, name: 'f', sites: {}, streams: {}, deviceGroups: {}, nodes: [] };
  const parse = (hub: object) => fleetSchema.shape.hub.safeParse(hub);
  expect(fleetSchema.safeParse(base).error?.issues.some(({ path }) => path[0] === 'hub')).not.toBe(true);
  expect([parse({ clientMessages: 99 }).success, parse({ clientBytes: '63KiB' }).success]).toEqual([false, false]);
  expect([parse({ clientMessages: 100 }).success, parse({ clientBytes: '64KiB' }).success]).toEqual([true, true]);
  // A socket hands over 64 KiB at most at once: at worst PUBLISH packets of some 30 bytes (topic, packet id).
  const clock = createManualClock();
  const gate = createReadGate(
    { clock, logger: createMemoryLogger() },
    { messagesPerSecond: 100, bytesPerSecond: 64 * 1024 },
  );
  gate.note('a', 64 * 1024, 100);
  expect(gate.note('a', 64 * 1024, (64 * 1024) / 30)).toBeLessThan(HALF_OPEN_FOUND_MS);
});
