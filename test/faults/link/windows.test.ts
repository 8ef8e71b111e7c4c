import { expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMqttUplink } from '../../../adapters/mqtt/uplink.ts';
import { NO_BUDGET } from '../../../core/budget-schema.ts';
import { checkNodeLedger } from '../../../core/ledger.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../../helpers/edge-node.ts';
import { createHubRig, until } from '../../helpers/hub-rig.ts';
import { createMemoryIngest, idsOf } from '../../helpers/memory-ingest.ts';
import { startTcpProxy } from '../../helpers/tcp-proxy.ts';

/** A node with connect windows on a real connection: its own clock is driven by hand, the network's is not. */

test('outside of the windows there is no connection; a window, and critical, open one; nothing is lost', async () => {
  const { store, ingest } = createMemoryIngest('far-1');
  const rig = await createHubRig({ nodes: ['n-1'], ingest });
  const random = createSeededRandom(9n);
  const proxy = await startTcpProxy(rig.port, random);
  const uplink = createMqttUplink(
    { credentials: await rig.credentialsOf('n-1'), clock: systemClock, random, logger: createMemoryLogger() },
    { host: '127.0.0.1', port: proxy.port, node: 'n-1' },
  );
  try {
    const plan = nodePlan([streamPlan('level', { syncMs: 1_000 }), streamPlan('alarm', { lane: 0, syncMs: 0 })], {
      node: 'n-1',
      budget: { ...NO_BUDGET, windows: [{ cron: '0 * * * *', for: 10 * MINUTE }] },
    });
    const node = await startTestNode(plan, { openUplink: () => uplink });
    const isConnected = (): boolean => rig.broker().status().clients['n-1']!.connected;
    /** To so many minutes past the hour. */
    const passTo = async (minute: number): Promise<void> => {
      const passed = node.clock.wallMs() % (60 * MINUTE);
      const ms = minute * MINUTE - passed + (minute * MINUTE <= passed ? 60 * MINUTE : 0);
      for (let left = ms; left > 0; left -= MINUTE) {
        node.clock.advance(Math.min(MINUTE, left));
        await turns(10);
      }
    };
    const stepUntil = (what: string, holds: () => boolean): Promise<void> =>
      until(what, () => {
        node.clock.advance(100);
        return holds();
      });

    await passTo(12);
    await until('outside: let go', () => !isConnected());
    const before = proxy.connections();
    await node.send('level', 1, 2, 3);
    await passTo(58);
    expect([isConnected(), proxy.connections(), store.rows()]).toEqual([false, before, []]);

    await node.send('alarm', 1);
    await stepUntil('critical is stored', () => store.rows().length === 1);
    expect([proxy.connections(), store.rows()[0]!.stream]).toEqual([before + 1, 'alarm']);

    await passTo(1); // the wide world is slower than this clock: what follows is within the window
    await until('a window: connected', isConnected);
    await stepUntil('all is stored', () => store.rows().length === 4);
    await node.send('level', 4);
    await stepUntil('stored at once', () => store.rows().length === 5);
    const within = proxy.connections();
    expect(within).toBeLessThanOrEqual(before + 2); // it may have lasted since the alarm

    await passTo(30);
    await until('let go again', () => !isConnected());
    await passTo(59);
    expect([isConnected(), proxy.connections()]).toEqual([false, within]);
    expect(new Set(idsOf(store)).size).toBe(5);
    expect(checkNodeLedger((await node.node.status()).ledger)).toEqual([]);
  } finally {
    await uplink.close();
    await proxy.close();
    await rig.dispose();
  }
});
