import { expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMqttUplink } from '../../../adapters/mqtt/uplink.ts';
import { checkNodeLedger } from '../../../core/ledger.ts';
import type { Clock } from '../../../core/ports.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { nodePlan, startTestNode, streamPlan } from '../../helpers/edge-node.ts';
import { createHubRig, until } from '../../helpers/hub-rig.ts';
import { createMemoryIngest, idsOf } from '../../helpers/memory-ingest.ts';
import { startTcpProxy } from '../../helpers/tcp-proxy.ts';

test('100 connections within a minute, each cut after a random number of bytes: every record is stored, once', async () => {
  const { store, ingest } = createMemoryIngest('far-1');
  const rig = await createHubRig({ nodes: ['n-1'], ingest });
  const random = createSeededRandom(5n);
  const proxy = await startTcpProxy(rig.port, random);
  // Impatient, so that it meets as many breaks as there are.
  const clock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(Math.min(ms, 20), run) };
  const uplink = createMqttUplink(
    { credentials: await rig.credentialsOf('n-1'), clock, random, logger: createMemoryLogger() },
    { host: '127.0.0.1', port: proxy.port, node: 'n-1' },
  );
  try {
    const plan = nodePlan([streamPlan('temperature', { syncMs: 1_000 })], { node: 'n-1' });
    const node = await startTestNode(plan, { openUplink: () => uplink });
    const begun = performance.now();
    let sent = 0;
    for (let turn = 0; proxy.connections() < 100; turn++) {
      // A connection takes some 3,000 bytes before its first message.
      if (turn % 10 === 0) proxy.resetAfter(Math.floor(random.fraction() ** 2 * 20_000));
      await node.send('temperature', ...Array.from({ length: 20 }, () => sent++));
      node.clock.advance(1_000);
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(performance.now() - begun).toBeLessThan(60_000);
    proxy.resetAfter(undefined);
    const delivered = () => node.node.inspect().forward.lanes[2]!.delivered;
    await until(
      'all is acknowledged',
      () => {
        node.clock.advance(1_000);
        return delivered() === sent;
      },
      30_000,
    );
    const ids = idsOf(store);
    expect([ids.length, new Set(ids).size]).toEqual([sent, sent]);
    expect(checkNodeLedger((await node.node.status()).ledger)).toEqual([]);
  } finally {
    await uplink.close();
    await proxy.close();
    await rig.dispose();
  }
});
