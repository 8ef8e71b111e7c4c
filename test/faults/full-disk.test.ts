import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../core/ledger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createGrowthMeter } from '../helpers/growth.ts';
import { askNumber, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll, type Launched, launch, steadyPort, writeFleet } from '../helpers/processes.ts';
import { makeRecording, recordingGroup } from '../helpers/recording.ts';
import { canMakeDisks, makeSmallDisk, type SmallDisk } from '../helpers/small-disk.ts';

/** Disks that are really full: a file waits, a live source is refused for that reason, and it ends when there is room. */

const NODE = 'line-1';
const MIB = 1024 ** 2;
const recording = makeRecording(100_000, createSeededRandom(7n));

let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let mqttPort: number;
let disk: SmallDisk | undefined;
beforeEach(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  mqttPort = await steadyPort();
  await writeFile(join(folder.path, 'recording.csv'), recording.csv);
  const { streams, deviceGroup } = recordingGroup('recording.csv');
  fleet = await writeFleet(folder.path, {
    name: 'full',
    streams: {
      counter: { ...streams.counter, priority: 'critical' },
      temperature: { ...streams.temperature, priority: 'critical' },
      level: { sync: '200ms', priority: 'critical', simulate: { shape: 'analog', base: 5, noise: 1 } },
    },
    deviceGroups: {
      press: { ...deviceGroup, source: { ...deviceGroup.source, pace: 'fast' } },
      gauge: { count: 5, streams: ['level'], source: { type: 'simulate', every: '50ms' } },
    },
    // The quota is larger than the node's disk will be; segments are an eighth of it.
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['press', 'gauge'], journal: { maxBytes: '2MiB' } }],
  });
});
afterEach(async () => {
  await killAll();
  disk?.remove();
  disk = undefined;
  await folder.remove();
});

const startHub = (): Launched => launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(mqttPort)]);
const startNode = (): Launched =>
  launch(['node', fleet, '--node', NODE, '--data', data, '--mqtt-port', String(mqttPort), '--json']);

async function makeCredentials(): Promise<void> {
  const hub = startHub();
  await eventually('the hub is ready', () => hub.out().includes('MQTT'));
  expect((await hub.end('SIGTERM')).code).toBe(0);
}

async function everythingArrives(node: Launched): Promise<void> {
  let stored: number | undefined;
  await eventually(
    () => `${recording.kept.length} records of the recording are stored; it is ${stored}: ${node.err().slice(-2_000)}`,
    async () => {
      if (!node.isRunning()) throw new Error(node.err());
      stored = await askNumber(data, `SELECT count(*) FROM records WHERE device LIKE 'press-%'`);
      return stored !== undefined && stored >= recording.kept.length;
    },
    60_000,
    200,
  );
}

/** What the node says at its end, checked against what is stored. */
async function expectComplete(node: Launched, hub: Launched): Promise<NodeLedger> {
  const ended = await node.end('SIGTERM');
  const { ledger, differences } = JSON.parse(ended.out) as { ledger: NodeLedger; differences: unknown[] };
  expect({ code: ended.code, differences }).toEqual({ code: 0, differences: [] });
  expect((await hub.end('SIGTERM')).code).toBe(0);
  expect(ledger.sources.press).toEqual({
    collected: 2 * recording.rows,
    refused: { 'not-finite': recording.broken },
    refusedByClass: { critical: { 'not-finite': recording.broken } },
  });
  const content = await openHubData(data);
  try {
    const rows = await content.sql(
      `SELECT device, stream, ts, value FROM records WHERE device LIKE 'press-%' ORDER BY device, stream, ts`,
    );
    const wrong = recording.kept.findIndex((kept, at) => kept.join() !== Object.values(rows[at] ?? {}).join());
    expect({ rows: rows.length, wrong }).toEqual({ rows: recording.kept.length, wrong: -1 });
    const [all] = await content.sql('SELECT count(*) AS rows FROM records');
    const delivered = ledger.lanes.reduce((sum, lane) => sum + lane.delivered, 0);
    expect(all!.rows).toBe(delivered);
    expect(await content.indexed()).toEqual({ [`${NODE}/0`]: delivered });
  } finally {
    content.close();
  }
  return ledger;
}

const testAsRoot = canMakeDisks ? test : test.skip;
if (!canMakeDisks) console.warn('skipped: only root on Linux can make small disks');

const room = [
  { from: 'deliveries', bytes: 1.5 * MIB, make: () => undefined },
  { from: 'the operator', bytes: 0.5 * MIB, make: () => disk!.resize(64 * MIB) },
];
const eachAsRoot = canMakeDisks ? test.each(room) : test.skip.each(room);

eachAsRoot(
  "the node's disk is full: it lives, says why, and goes on with room from $from",
  async ({ bytes: size, make }) => {
    await makeCredentials();
    disk = makeSmallDisk(join(data, 'nodes', NODE), size);
    const node = startNode();
    const written = createGrowthMeter(join(data, 'nodes', NODE, 'journal'));
    let still = { bytes: 0, polls: 0 };
    await eventually(
      () => `live readings are refused and nothing can be written for some time: ${node.err().slice(-2_000)}`,
      () => {
        if (!node.isRunning()) throw new Error(node.err());
        const bytes = written();
        still = { bytes, polls: bytes === still.bytes ? still.polls + 1 : 0 };
        return /"reason":"journal-full".*"msg":"sense: readings refused"/.test(node.err()) && still.polls >= 20;
      },
      60_000,
      50,
    );
    expect(node.err().split('the disk refuses').length - 1).toBeLessThan(10);

    make();
    const hub = startHub();
    await everythingArrives(node);
    const ledger = await expectComplete(node, hub);
    const { collected, refused } = ledger.sources.gauge!;
    expect(refused['journal-full']).toBeGreaterThan(0);
    expect(ledger.streams.find(({ stream }) => stream === 'level')!.kept).toBe(collected - refused['journal-full']!);
  },
);

testAsRoot(
  "the hub's disk is full: nothing is acknowledged, the node keeps it, and all arrives when there is room",
  async () => {
    await makeCredentials();
    disk = makeSmallDisk(join(data, 'hub', 'store'), 3 * MIB);
    const hub = startHub();
    await eventually('the hub is ready', () => hub.out().includes('MQTT') || !hub.isRunning());
    const node = startNode();
    await eventually(
      () => `the store refuses a batch: ${hub.err().slice(-2_000)}`,
      () => {
        if (!hub.isRunning()) throw new Error(`the hub ended: ${hub.err()}`);
        return hub.err().includes('store did not take a batch');
      },
      60_000,
    );
    disk.resize(512 * MIB);
    await everythingArrives(node);
    await expectComplete(node, hub);
  },
);
