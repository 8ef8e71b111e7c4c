import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { HALF_OPEN_FOUND_MS, HUB_SIDE, iotCoreSide } from '../../../adapters/mqtt/far-side.ts';
import { createMqttUplink } from '../../../adapters/mqtt/uplink.ts';
import type { Clock, Uplink } from '../../../core/ports.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { createHubRig, type HubRig, hastyRandom, until } from '../../helpers/hub-rig.ts';
import { startTcpProxy, type TcpProxy } from '../../helpers/tcp-proxy.ts';

/** A keepalive of one second instead of thirty: the bound is a multiple of it. */
const KEEPALIVE_S = 1;

describe('one connection over a bad way', () => {
  let rig: HubRig;
  let proxy: TcpProxy;
  const uplinks: Uplink[] = [];
  const logger = createMemoryLogger();
  beforeEach(async () => {
    logger.lines.length = 0;
    rig = await createHubRig({ nodes: ['n-1'] });
    proxy = await startTcpProxy(rig.port, createSeededRandom(1n));
  });
  afterEach(async () => {
    await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
    await proxy.close();
    await rig.dispose();
  });
  async function dial(clock: Clock = systemClock, connectWithinMs = HUB_SIDE.connectWithinMs) {
    const uplink = createMqttUplink(
      { credentials: await rig.credentialsOf('n-1'), clock, random: hastyRandom, logger },
      { host: '127.0.0.1', port: proxy.port, node: 'n-1' },
      { ...HUB_SIDE, keepaliveS: KEEPALIVE_S, connectWithinMs },
    );
    uplinks.push(uplink);
    const links: { up: boolean; atMs: number }[] = [];
    uplink.onLink((up) => links.push({ up, atMs: performance.now() }));
    return { uplink, links };
  }

  test('the bound: 45 s after the last packet, for hub and IoT Core alike', () => {
    expect(HALF_OPEN_FOUND_MS).toBe(45_000);
    for (const side of [HUB_SIDE, iotCoreSide('f')]) expect(side.keepaliveS * 1_500).toBe(HALF_OPEN_FOUND_MS);
  });

  test('half-open: found within one and a half keepalives, though more is sent into it all the time', async () => {
    const { uplink, links } = await dial();
    await until('up', () => links.length === 1);
    proxy.freeze();
    const frozenAt = performance.now();
    const lost: unknown[] = [];
    await until('found', () => {
      uplink.send('bulk', new Uint8Array(100)).catch((error) => lost.push(error));
      return links.length === 2;
    });
    expect(links[1]!.up).toBe(false);
    const foundMs = links[1]!.atMs - frozenAt;
    expect(foundMs).toBeGreaterThan(KEEPALIVE_S * 500);
    expect(foundMs).toBeLessThan(KEEPALIVE_S * 1_500 + 1_000); // the rest is this machine
    expect(lost.length).toBeGreaterThan(0);
    // At the hub as well, so that it does not hold the dead connection for alive.
    await until('the hub has found it too', () => rig.broker().status().clients['n-1']?.connected === false);
    proxy.thaw();
    await until('up again', () => links.at(-1)!.up);
    await uplink.send('bulk', Buffer.from('works'));
  });

  test('woken, put to sleep and woken again within a moment: one connection', async () => {
    const { uplink, links } = await dial();
    await until('up', () => links.length === 1);
    uplink.wanted(false);
    for (let time = 0; time < 3; time++) {
      uplink.wanted(true);
      uplink.wanted(false);
    }
    uplink.wanted(true);
    await until('up again', () => links.length === 3);
    await uplink.send('bulk', Buffer.from('works'));
    expect([proxy.connections(), links.map(({ up }) => up)]).toEqual([2, [true, false, true]]);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  test('a far side that takes the connection and says nothing: given up in bounded time, tried again', async () => {
    proxy.freeze();
    const { links } = await dial(systemClock, 300);
    await until('given up twice', () => proxy.connections() >= 3);
    expect(links).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ trouble: 'unreachable' }),
    ]);
    proxy.thaw();
    await until('up', () => links.length > 0);
  });

  test('pauses grow while connections do not last, and fall back after one that did', async () => {
    const pauses: number[] = [];
    let skippedMs = 0;
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() + skippedMs,
      after: (ms, run) => {
        pauses.push(ms);
        return systemClock.after(Math.min(ms, 5), run);
      },
    };
    const { links } = await dial(clock);
    for (let connection = 1; connection <= 4; connection++) {
      await until('up', () => links.filter(({ up }) => up).length === connection);
      proxy.resetAll();
    }
    await until('up', () => links.filter(({ up }) => up).length === 5);
    expect(pauses).toEqual([250, 500, 1_000, 2_000]); // the lower half of each, as the dice say zero
    skippedMs += 30_000;
    proxy.resetAll();
    await until('up', () => links.filter(({ up }) => up).length === 6);
    expect(pauses.at(-1)).toBe(250);
  });

  test('reset in the middle of a message: rejected, and the next one arrives whole', async () => {
    const { uplink, links } = await dial();
    await until('up', () => links.length === 1);
    proxy.resetAfter(50_000);
    await expect(uplink.send('bulk', new Uint8Array(120_000))).rejects.toThrow('lost before the message was taken');
    proxy.resetAfter(undefined);
    await until('up again', () => links.at(-1)!.up);
    await uplink.send('bulk', new Uint8Array(120_000));
    expect(rig.broker().status().clients['n-1']).toMatchObject({ messages: 1, bytesIn: 120_000 });
  });
});
