import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { HUB_SIDE } from '../../adapters/mqtt/far-side.ts';
import { createMqttUplink } from '../../adapters/mqtt/uplink.ts';
import { checkNodeLedger } from '../../core/ledger.ts';
import type { Uplink } from '../../core/ports.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { type BrokeredIngest, startBrokeredIngest } from '../helpers/brokered-ingest.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';
import { createHubRig, type HubRig, hastyRandom, makeTemporaryDirectory, until } from '../helpers/hub-rig.ts';
import { MOSQUITTO, type Mosquitto, mosquittoVersion, startMosquitto } from '../helpers/mosquitto.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';

/** A second broker, which is not ours, between a node and its ingest. Its PUBACK says nothing about what is stored. */

if (MOSQUITTO === undefined) console.warn('mosquitto is not installed: skipped (test/brokers/install-mosquitto.sh)');
else console.info(mosquittoVersion());
const describeWithMosquitto = MOSQUITTO === undefined ? describe.skip : describe;

const NODE = 'node-1';

describeWithMosquitto('a node behind mosquitto', () => {
  let rig: HubRig;
  let folder: { path: string; remove: () => Promise<void> };
  let broker: Mosquitto;
  let proxy: TcpProxy;
  let store: MemoryRecordStore;
  let ingest: Ingest;
  const ingests: BrokeredIngest[] = [];
  const uplinks: Uplink[] = [];

  beforeEach(async () => {
    rig = await createHubRig({ nodes: [NODE, 'other'], strangers: ['ingest'] });
    await rig.stop(); // only its authority is wanted, and its port
    folder = await makeTemporaryDirectory();
    broker = await startMosquitto(folder.path, rig.port, rig.hubTls);
    proxy = await startTcpProxy(broker.port, createSeededRandom(1n));
    store = createMemoryRecordStore('far-1');
    ingest = createIngest({
      store,
      codec: byteCodec,
      nowMs: () => Date.now(),
      logger: createMemoryLogger(),
      audit: createMemoryAudit(),
      mayCarry: (client, node) => client === node,
    });
  });
  afterEach(async () => {
    await Promise.all(uplinks.splice(0).map((uplink) => uplink.close()));
    await Promise.all(ingests.splice(0).map((one) => one.kill()));
    await proxy.close();
    await broker.stop();
    await folder.remove();
    await rig.dispose();
  });

  async function subscribe(of: Ingest = ingest): Promise<BrokeredIngest> {
    const one = await startBrokeredIngest(await rig.credentialsOf('ingest'), broker.port, NODE, of);
    ingests.push(one);
    return one;
  }
  async function dial(name = NODE, keepaliveS = HUB_SIDE.keepaliveS) {
    const credentials = await rig.credentialsOf(name);
    const uplink = createMqttUplink(
      { credentials, clock: systemClock, random: hastyRandom, logger: rig.logger },
      { host: '127.0.0.1', port: proxy.port, node: name },
      { ...HUB_SIDE, keepaliveS },
    );
    uplinks.push(uplink);
    const links: boolean[] = [];
    return { uplink, links };
  }
  async function startNode() {
    const { uplink } = await dial();
    const plan = nodePlan([streamPlan('temperature', { syncMs: 1_000 })], { node: NODE });
    const node = await startTestNode(plan, { openUplink: () => uplink });
    /** Lets the node's clock run, a hundred times as fast as the real one. */
    async function untilTrue(what: string, holds: () => boolean): Promise<void> {
      const endMs = performance.now() + 20_000;
      while (!holds()) {
        if (performance.now() > endMs) throw new Error(`not within 20 s: ${what}`);
        node.clock.advance(500);
        await turns(2);
        await new Promise((done) => setTimeout(done, 5));
      }
    }
    async function passHours(hours: number): Promise<void> {
      for (let minute = 0; minute < hours * 60; minute++) {
        node.clock.advance(60_000);
        await turns(2);
        if (minute % 10 === 0) await new Promise((done) => setTimeout(done, 5));
      }
    }
    const lane = async () => (await node.node.status()).ledger.lanes[2]!;
    return { node, untilTrue, passHours, lane };
  }
  const valuesStored = () => store.rows().map(({ value }) => value);
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

  test('its PUBACK is no delivery: with nobody behind it everything waits, and is delivered once somebody is', async () => {
    const { node, untilTrue, passHours, lane } = await startNode();
    await node.send('temperature', ...numbers(0, 100));
    await untilTrue('the link is up', () => node.node.inspect().forward.connected);
    await passHours(5);
    expect(await lane()).toMatchObject({ enqueued: 100, delivered: 0, waiting: 100, inDoubt: 0 }); // not even sent
    await subscribe();
    await untilTrue('stored', () => store.rows().length === 100);
    await untilTrue('acknowledged', () => node.node.inspect().forward.lanes[2]!.delivered === 100);
    expect(valuesStored()).toEqual(numbers(0, 100));
  });

  test('ingest takes messages, which the broker has acknowledged, and dies before storing: nothing is lost or doubled', async () => {
    const { node, untilTrue, passHours, lane } = await startNode();
    const swallowing = { after: Number.POSITIVE_INFINITY };
    let messages = 0;
    const first = await subscribe(async (all) => {
      messages += all.length;
      return messages > swallowing.after ? { answers: [], failed: [] } : ingest(all);
    });
    await node.send('temperature', ...numbers(0, 50));
    await untilTrue('the first are acknowledged', () => node.node.inspect().forward.lanes[2]!.delivered === 50);
    swallowing.after = messages;
    await node.send('temperature', ...numbers(50, 50));
    await untilTrue('more were taken and not stored', () => messages > swallowing.after);
    expect(await lane()).toMatchObject({ delivered: 50, waiting: 50, inDoubt: 50 });
    await first.kill();
    await node.send('temperature', ...numbers(100, 50));
    await passHours(5);
    expect(store.rows()).toHaveLength(50);
    await subscribe();
    await untilTrue('all is acknowledged', () => node.node.inspect().forward.lanes[2]!.delivered === 150);
    expect(valuesStored().sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 150));
    const { ledger } = await node.node.status();
    expect([checkNodeLedger(ledger), await lane()]).toMatchObject([[], { waiting: 0, inDoubt: 0 }]);
  });

  test('the broker is killed again and again while records flow: each is stored once', async () => {
    const { node, untilTrue } = await startNode();
    await subscribe();
    for (let kill = 0; kill < 5; kill++) {
      await node.send('temperature', ...numbers(kill * 20, 20));
      await untilTrue(
        'some are stored',
        () => store.rows().length > kill * 20 || node.node.inspect().forward.connected,
      );
      await broker.kill();
      await broker.start();
    }
    await node.send('temperature', ...numbers(100, 20));
    await untilTrue('all is acknowledged', () => node.node.inspect().forward.lanes[2]!.delivered === 120);
    expect(valuesStored().sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 120));
  });

  test('half-open, then reset: found within one and a half keepalives, connected again, by both ends', async () => {
    const { uplink, links } = await dial(NODE, 1);
    uplink.onLink((up) => links.push(up));
    await until('up', () => links.length === 1);
    const frozenAt = performance.now();
    proxy.freeze();
    await until('found', () => links.length === 2);
    expect(performance.now() - frozenAt).toBeLessThan(2_500);
    proxy.thaw();
    await until('up again', () => links.at(-1) === true);
    await uplink.send('bulk', Buffer.from('x'));
  });

  test('a second connection under the name throws the first one out, which waits longer and longer', async () => {
    const one = await dial();
    one.uplink.onLink((up) => one.links.push(up));
    await until('up', () => one.links.length === 1);
    const two = await dial();
    two.uplink.onLink((up) => two.links.push(up));
    await until('thrown out', () => one.links.includes(false));
    await two.uplink.close();
    await until('back', () => one.links.at(-1) === true);
  });

  test('a node publishes and listens on its own topics only: what another sends under a foreign name reaches nobody', async () => {
    const seen: string[] = [];
    await subscribe(async (all) => {
      seen.push(...all.map(({ payload }) => Buffer.from(payload).toString()));
      return { answers: [], failed: [] };
    });
    const credentials = await rig.credentialsOf('other');
    const impostor = createMqttUplink(
      { credentials, clock: systemClock, random: hastyRandom, logger: rig.logger },
      { host: '127.0.0.1', port: proxy.port, node: NODE },
    );
    uplinks.push(impostor);
    const { uplink, links } = await dial('other');
    uplink.onLink((up) => links.push(up));
    await until('up', () => links.length > 0);
    await impostor.send('bulk', Buffer.from('forged')).catch(() => undefined);
    const honest = await dial();
    honest.uplink.onLink((up) => honest.links.push(up));
    await until('honest is up', () => honest.links.at(-1) === true);
    await honest.uplink.send('bulk', Buffer.from('honest'));
    await until('it came', () => seen.length > 0);
    expect(seen).toEqual(['honest']);
  });
});
