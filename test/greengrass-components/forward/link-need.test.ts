import { describe, expect, test } from '@jest/globals';
import { NO_BUDGET } from '../../../core/budget-schema.ts';
import { LINGER_MS, SPREAD_MS } from '../../../greengrass-components/forward/link-need.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The clock of the rig begins at midnight UTC: a window from 02:00 to 02:10, every day. */
const BUDGET = { ...NO_BUDGET, windows: [{ cron: '0 2 * * *', for: 10 * MINUTE }] };
const OPENS = 2 * HOUR;
const CLOSES = OPENS + 10 * MINUTE;
const sentWithin = ({ sent }: Awaited<ReturnType<typeof createForwardRig>>, from: number, to: number) =>
  sent.filter(({ atMs }) => atMs >= from && atMs < to);

describe('a connection with windows', () => {
  test('there is none outside of them, one within, a little after the beginning and the end', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    await rig.runUntil(HOUR);
    rig.enqueue(2, 10);
    await rig.runUntil(26 * HOUR - 1);
    const [none, opened, closed, ...more] = rig.wishes;
    expect(none).toEqual({ atMs: 0, wanted: false });
    expect(opened!.wanted).toBe(true);
    expect(opened!.atMs).toBeGreaterThan(OPENS);
    expect(opened!.atMs).toBeLessThanOrEqual(OPENS + SPREAD_MS);
    expect(closed).toEqual({ atMs: expect.any(Number), wanted: false });
    expect(closed!.atMs).toBeGreaterThanOrEqual(CLOSES);
    expect(closed!.atMs).toBeLessThanOrEqual(CLOSES + LINGER_MS + 1);
    expect(more).toEqual([]);
    expect(rig.store.rows()).toHaveLength(10);
    expect(sentWithin(rig, OPENS, CLOSES)).toHaveLength(rig.sent.length);
    await rig.runUntil(26 * HOUR + SPREAD_MS);
    expect(rig.wishes).toHaveLength(4); // the window of the next day
  });

  test('what left shortly before the end is waited for', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    await rig.runUntil(OPENS + MINUTE);
    rig.enqueue(2);
    await rig.runUntil(CLOSES - 2_000);
    rig.setMode('silent');
    rig.enqueue(2);
    await rig.runUntil(3 * HOUR);
    // Its timeout is 30 s or a little less; the connection lingers from then on.
    expect(rig.wishes.at(-1)).toEqual({ atMs: expect.any(Number), wanted: false });
    expect(rig.wishes.at(-1)!.atMs).toBeGreaterThan(CLOSES + 20_000 + LINGER_MS);
  });

  test('critical has one at once, and lets it go once it is answered and nothing more came for a while', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    await rig.runUntil(5 * HOUR);
    const before = rig.wishes.length;
    rig.enqueue(2, 5);
    rig.enqueue(0);
    await rig.runUntil(5 * HOUR + 10_000);
    rig.enqueue(0);
    await rig.runUntil(6 * HOUR);
    expect(rig.wishes.slice(before)).toEqual([
      { atMs: 5 * HOUR, wanted: true },
      { atMs: expect.any(Number), wanted: false },
    ]);
    const closedAt = rig.wishes.at(-1)!.atMs;
    expect(closedAt).toBeGreaterThanOrEqual(5 * HOUR + 10_000 + LINGER_MS);
    expect(closedAt).toBeLessThan(5 * HOUR + 15_000 + LINGER_MS);
    expect(rig.store.rows()).toHaveLength(2); // what is not critical waits
  });

  test('critical that nobody answers keeps it: the far side may be back any moment', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    rig.setMode('silent');
    await rig.runUntil(5 * HOUR);
    rig.enqueue(0);
    await rig.runUntil(20 * HOUR);
    expect(rig.wishes.at(-1)).toEqual({ atMs: 5 * HOUR, wanted: true });
    rig.setMode('up');
    await rig.runUntil(21 * HOUR);
    expect(rig.wishes.at(-1)!.wanted).toBe(false);
    expect(rig.store.rows()).toHaveLength(1);
  });

  test('a critical record every minute makes no storm: a connection each, at most', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    await rig.runUntil(5 * HOUR);
    const before = rig.wishes.length;
    for (let second = 0; second < 3_600; second += 5) {
      rig.enqueue(0);
      await rig.runUntil(5 * HOUR + second * 1_000);
    }
    expect(rig.wishes.length - before).toBe(1);
  });

  test('no windows: it is never let go', async () => {
    const rig = await createForwardRig();
    rig.enqueue(2, 5);
    await rig.runUntil(48 * HOUR);
    expect(rig.wishes).toEqual([]);
  });

  test('settings that change take hold at once', async () => {
    const rig = await createForwardRig({ budget: BUDGET });
    await rig.runUntil(5 * HOUR);
    expect(rig.wishes.at(-1)!.wanted).toBe(false);
    const { limits, priorities } = rig.settings;
    rig.forwarder().configure({ limits, priorities, budget: NO_BUDGET });
    await rig.runUntil(5 * HOUR + SPREAD_MS);
    expect(rig.wishes.at(-1)!.wanted).toBe(true);
  });
});
