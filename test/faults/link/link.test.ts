import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../../core/ledger.ts';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import type { HubLedger } from '../../../hub/ledger.ts';
import { askNumber, openHubData } from '../../helpers/hub-data.ts';
import { createHubRig, makeTemporaryDirectory } from '../../helpers/hub-rig.ts';
import { startIotCoreBroker } from '../../helpers/iot-core-broker.ts';
import { writeIotCoreDevice } from '../../helpers/iot-core-device.ts';
import { createMemoryIngest, idsOf } from '../../helpers/memory-ingest.ts';
import { eventually, killAll, type Launched, launch, run, steadyPort, writeFleet } from '../../helpers/processes.ts';
import { startTcpProxy, type TcpProxy } from '../../helpers/tcp-proxy.ts';

/**
 * Real nodes and a real hub, and between each node and the hub a way that is bad in its own manner for as long as the
 * node's devices speak. Afterwards each record is stored, and each once.
 */

const ROWS = 4_000;
const STEP_MS = 3;
const FAULT_MS = ROWS * STEP_MS;
const START_MS = Date.UTC(2025, 5, 1);
const random = createSeededRandom(20_250_601n);

/** What is done to a proxy every `everyMs` while the fault lasts, and once at its end. */
interface Fault {
  begin?: (proxy: TcpProxy) => void;
  everyMs?: number;
  again?: (proxy: TcpProxy, turn: number) => void;
  end?: (proxy: TcpProxy) => void;
}
const between = (least: number, most: number): number => Math.floor(least + random.fraction() * (most - least));
const wellAgain = (proxy: TcpProxy): void => {
  proxy.faults = { delayMs: 0, bytesPerSecond: undefined, lossChance: 0 };
};

const FAULTS: Record<string, Fault> = {
  slow: {
    begin: (proxy) => {
      proxy.faults = { delayMs: 200, bytesPerSecond: 12_000, lossChance: 0 };
    },
    end: wellAgain,
  },
  lossy: {
    begin: (proxy) => {
      proxy.faults = { delayMs: 20, bytesPerSecond: undefined, lossChance: 0.3 };
    },
    end: wellAgain,
  },
  torn: {
    everyMs: 1_500,
    // Some fall into an envelope, some into the handshake of the next connection, which is longer.
    again: (proxy) => proxy.resetAfter(between(50, 2_000)),
    end: (proxy) => proxy.resetAfter(undefined),
  },
  flapping: { everyMs: 600, again: (proxy) => proxy.resetAll() },
  'half-open': {
    everyMs: 2_000,
    again: (proxy, turn) => (turn % 2 === 0 ? proxy.freeze() : proxy.thaw()),
    end: (proxy) => proxy.thaw(),
  },
};
const NODES = Object.keys(FAULTS);

let folder: { path: string; remove: () => Promise<void> };
const at = (...names: string[]): string => join(folder.path, ...names);
const proxies: TcpProxy[] = [];

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  const rows = Array.from({ length: ROWS }, (_, row) => `${START_MS + row * STEP_MS},${row},${row % 100 === 0}`);
  await writeFile(at('rows.csv'), `time,counter,alarm\n${rows.join('\n')}\n`);
});
afterEach(async () => {
  await killAll();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});
afterAll(() => folder.remove());

const fleetOf = (pace: 'fast' | 'recorded', more: object): object => ({
  streams: {
    counter: { sync: '200ms' },
    alarm: { kind: 'boolean', priority: 'critical', sync: '100ms' },
  },
  deviceGroups: {
    press: {
      streams: ['counter', 'alarm'],
      source: {
        type: 'file',
        path: 'rows.csv',
        pace,
        time: { column: 'time', format: 'epoch-ms' },
        columns: { counter: 'counter', alarm: 'alarm' },
      },
    },
  },
  ...more,
});

test(`links that are ${NODES.join(', ')}: nothing is lost, nothing is there twice, both ledgers balance`, async () => {
  const mqttPort = await steadyPort();
  const data = at('data');
  const fleet = await writeFleet(
    folder.path,
    fleetOf('recorded', {
      name: 'links',
      nodes: NODES.map((name) => ({ name, site: 'here', deviceGroups: ['press'] })),
    }),
  );
  const hub = launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(mqttPort)]);
  await eventually(
    () => `the hub is ready: ${hub.err()}`,
    () => hub.out().includes('MQTT'),
  );

  const nodes: Launched[] = [];
  for (const name of NODES) {
    const proxy = await startTcpProxy(mqttPort, random);
    proxies.push(proxy);
    FAULTS[name]!.begin?.(proxy);
    nodes.push(launch(['node', fleet, '--node', name, '--data', data, '--mqtt-port', String(proxy.port), '--json']));
  }
  await eventually('all have dialled', () => proxies.every((proxy) => proxy.connections() > 0));
  const timers = NODES.flatMap((name, index) => {
    const { everyMs, again } = FAULTS[name]!;
    let turn = 0;
    return everyMs && again ? [setInterval(() => again(proxies[index]!, turn++), everyMs)] : [];
  });
  const begun = performance.now();
  await eventually('the devices have spoken', () => performance.now() - begun > FAULT_MS, FAULT_MS + 10_000, 100);
  for (const timer of timers) clearInterval(timer);
  for (const [index, name] of NODES.entries()) FAULTS[name]!.end?.(proxies[index]!);

  let stored: number | undefined;
  await eventually(
    () => `${2 * ROWS * NODES.length} records are stored; it is ${stored}`,
    async () => {
      stored = await askNumber(data, 'SELECT count(*) FROM records');
      return stored !== undefined && stored >= 2 * ROWS * NODES.length;
    },
    60_000,
    250,
  );
  const connections = Object.fromEntries(NODES.map((name, index) => [name, proxies[index]!.connections()]));
  console.info({ storedAfterMs: Math.round(performance.now() - begun), connections });
  for (const name of ['torn', 'flapping', 'half-open']) expect(connections[name]).toBeGreaterThan(1); // it did happen
  for (const [index, node] of nodes.entries()) {
    const { code, out, err } = await node.end('SIGTERM');
    expect({ node: NODES[index], code, err: code === 0 ? '' : err }).toEqual({ node: NODES[index], code: 0, err: '' });
    const { ledger, differences } = JSON.parse(out) as { ledger: NodeLedger; differences: unknown[] };
    expect(differences).toEqual([]);
    for (const lane of [0, 2]) {
      expect(ledger.lanes[lane]).toMatchObject({ enqueued: ROWS, delivered: ROWS, waiting: 0 });
    }
  }
  const asked = await run('ledger', '--json', '--data', data);
  expect(asked.code).toBe(0);
  expect((JSON.parse(asked.out) as HubLedger).nodes.flatMap(({ differences }) => differences)).toEqual([]);
  expect((await hub.end('SIGTERM')).code).toBe(0);

  const content = await openHubData(data);
  try {
    const rows =
      await content.sql(`SELECT node, count(*) AS rows, count(DISTINCT (producer, epoch, lane, position)) AS ids,
      count(DISTINCT (stream, ts)) AS readings,
      count(*) FILTER (WHERE stream = 'counter' AND ts <> ${START_MS} + value * ${STEP_MS}) AS wrong
      FROM records GROUP BY node ORDER BY node`);
    const each = { rows: 2 * ROWS, ids: 2 * ROWS, readings: 2 * ROWS, wrong: 0 };
    expect(rows).toEqual([...NODES].sort().map((node) => ({ node, ...each })));
    const indexed = NODES.flatMap((node) => [0, 2].map((lane) => [`${node}/${lane}`, ROWS]));
    expect(await content.indexed()).toEqual(Object.fromEntries(indexed));
  } finally {
    content.close();
  }
});

test('a far side that acknowledges messages and dies before storing them: sent again, stored once', async () => {
  const rig = await createHubRig({ nodes: ['pump-01'] });
  const { store, ingest } = createMemoryIngest('cloud');
  let swallowed = 0;
  let dies = true;
  const broker = await startIotCoreBroker({
    tls: rig.hubTls,
    fleet: 'links',
    // Questions are answered, so that the node sends; envelopes get their PUBACK and are forgotten.
    ingest: async (messages) => {
      const isQuestion = messages.every(({ payload }) => payload[0] === '{'.charCodeAt(0));
      if (!dies || isQuestion) return ingest(messages);
      swallowed += messages.length;
      return { answers: [], failed: [] };
    },
  });
  try {
    const device = at('device');
    await writeIotCoreDevice(rig, { node: 'pump-01', fleet: 'links', port: broker.port }, device);
    const fleet = await writeFleet(
      folder.path,
      fleetOf('fast', {
        name: 'links',
        nodes: [{ name: 'pump-01', site: 'here', deviceGroups: ['press'] }],
        uplink: [{ type: 'iot-core' }],
      }),
    );
    const node = launch(['node', fleet, '--node', 'pump-01', '--data', at('cloud'), '--credentials', device, '--json']);
    await eventually(
      () => `envelopes are acknowledged and forgotten: ${swallowed}; ${node.err()}`,
      () => swallowed >= 4,
    );
    await broker.stop();
    expect(store.rows()).toEqual([]);
    dies = false;
    await broker.start();
    await eventually(
      () => `all is stored: ${store.rows().length} rows; ${node.err()}`,
      () => store.rows().length >= 2 * ROWS,
      60_000,
      100,
    );
    const { code, out, err } = await node.end('SIGTERM');
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    const { ledger, differences } = JSON.parse(out) as { ledger: NodeLedger; differences: unknown[] };
    expect(differences).toEqual([]);
    expect(ledger.lanes[2]).toMatchObject({ enqueued: ROWS, delivered: ROWS, waiting: 0 });
    const ids = idsOf(store);
    expect([ids.length, new Set(ids).size]).toEqual([2 * ROWS, 2 * ROWS]);
  } finally {
    await killAll();
    await broker.stop();
    await rig.dispose();
  }
});
