import { expect, test } from '@jest/globals';
import { NO_BUDGET } from '../../../core/budget-schema.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test.each(['only-critical', 'stop'] as const)(
  'a budget used up while the clock was years ahead opens with the next day, and nobody has to wake the node: %s',
  async (whenUsedUp) => {
    const rig = await createForwardRig({ budget: { ...NO_BUDGET, perDay: 64 * 1024, whenUsedUp } });
    rig.setWallAhead(73 * 365 * DAY);
    rig.enqueue(2, 60_000);
    await rig.runUntil(2 * HOUR);
    expect(rig.forwarder().status()).toMatchObject({ closed: 'budget', meter: { day: '2098-12-14' } });
    const { length } = rig.store.rows();
    rig.setWallAhead(0);
    await rig.runUntil(23 * HOUR);
    expect(rig.forwarder().status().meter.day).toBe('2026-01-01');
    expect(rig.store.rows()).toHaveLength(length);
    await rig.runUntil(25 * HOUR);
    expect(rig.store.rows().length).toBeGreaterThan(length);
    await rig.forwarder().stop();
  },
);

test('a clock that is set back while a window is waited for: the window is not slept through', async () => {
  const windows = [{ cron: '0 2 * * *', for: HOUR / 6 }];
  const rig = await createForwardRig({ budget: { ...NO_BUDGET, windows } });
  rig.setWallAhead(3 * HOUR);
  rig.enqueue(2);
  await rig.runUntil(HOUR / 2);
  rig.setWallAhead(0);
  await rig.runUntil(2.2 * HOUR);
  expect(rig.store.rows()).toHaveLength(1);
  await rig.forwarder().stop();
});
