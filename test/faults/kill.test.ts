import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../core/ledger.ts';
import { laneOf } from '../../core/priority.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import type { HubLedger } from '../../hub/ledger.ts';
import { createGrowthMeter } from '../helpers/growth.ts';
import { askNumber, type HubData, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll, type Launched, launch, run, steadyPort, writeFleet } from '../helpers/processes.ts';
import { makeRecording, recordingGroup } from '../helpers/recording.ts';

/**
 * A node and a hub, each killed twenty times without warning while they work, at moments drawn by a seed: after so
 * many bytes that the victim wrote, from its very first one. Then three counts that know nothing of each other must
 * agree, and what is stored must be what the recording says, reading for reading.
 *
 * HEADWATER_SEED (hexadecimal, such as a commit's hash) draws other moments.
 */

const SEED = BigInt(`0x${(process.env.HEADWATER_SEED ?? 'c0ffee').replace(/^0x/, '').slice(0, 16)}`);
const KILLS = 20;
const ROWS = 40_000;
const NODE = 'line-1';
/** The longest life, in bytes written: the shortest ones end within recovery. */
const NODE_BYTES = 150_000;
const HUB_BYTES = 1_500_000;

type Name = 'node' | 'hub';
const random = createSeededRandom(SEED);
const recording = makeRecording(ROWS, random);
let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let mqttPort: number;
const running = {} as Record<Name, Launched>;

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  mqttPort = await steadyPort();
  await writeFile(join(folder.path, 'recording.csv'), recording.csv);
  const replay = recordingGroup('recording.csv');
  fleet = await writeFleet(folder.path, {
    name: 'killed',
    streams: {
      ...replay.streams,
      level: { sync: '300ms', simulate: { shape: 'analog', base: 5, noise: 1, faultEvery: '10s' } },
      gate: { kind: 'boolean', sync: 'real-time', priority: 'critical', simulate: { shape: 'switch', dwell: '1s' } },
      parked: { sync: 'on-demand', priority: 'low', simulate: { shape: 'analog', base: 1 } },
    },
    deviceGroups: {
      press: replay.deviceGroup,
      gauge: { count: 10, streams: ['level', 'gate', 'parked'], source: { type: 'simulate', every: '50ms' } },
    },
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['press', 'gauge'] }],
    // As often as it may: kills fall into seals too.
    hub: { sealRows: 1_000, sealEvery: '1s' },
  });
});
afterEach(killAll);
afterAll(() => folder.remove());

const begin: Record<Name, () => Launched> = {
  node: () => launch(['node', fleet, '--node', NODE, '--data', data, '--mqtt-port', String(mqttPort), '--json']),
  hub: () => launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(mqttPort)]),
};
const written: Record<Name, { directory: () => string; maxBytes: number }> = {
  node: { directory: () => join(data, 'nodes', NODE, 'journal'), maxBytes: NODE_BYTES },
  hub: { directory: () => join(data, 'hub', 'store'), maxBytes: HUB_BYTES },
};

/** Nobody ends but by our hand. */
function expectAlive(): void {
  for (const [name, { isRunning, out, err }] of Object.entries(running)) {
    if (!isRunning()) throw new Error(`the ${name} ended by itself: ${out()} ${err().slice(-2_000)}`);
  }
}

/** Kills the victims once the first of them has written so many bytes in this life, and starts them again. */
async function killOnce(victims: readonly Name[]): Promise<void> {
  const [first] = victims as [Name];
  const { directory, maxBytes } = written[first];
  // Squared: half of the lives end in their first quarter, where recovery is.
  const bytes = 1 + Math.floor(random.fraction() ** 2 * maxBytes);
  const grown = createGrowthMeter(directory());
  await eventually(
    () => `the ${first} writes ${bytes} bytes; it wrote ${grown()}: ${running[first].err().slice(-2_000)}`,
    () => {
      expectAlive();
      return grown() >= bytes;
    },
    60_000,
    2,
  );
  const ends = await Promise.all(victims.map((name) => running[name].end('SIGKILL')));
  expect(ends.map(({ signal }) => signal)).toEqual(victims.map(() => 'SIGKILL'));
  for (const name of victims) running[name] = begin[name]();
}

test(`killed ${KILLS} times each, seed ${SEED.toString(16)}: nothing is lost, nothing is there twice`, async () => {
  console.info(`HEADWATER_SEED=${SEED.toString(16)}`);
  running.hub = begin.hub();
  await eventually('the hub is ready', () => running.hub.out().includes('MQTT') || (expectAlive() as undefined));
  running.node = begin.node();
  for (let kill = 0; kill < KILLS; kill++) {
    const order: Name[] = random.fraction() < 0.5 ? ['node', 'hub'] : ['hub', 'node'];
    const together = random.fraction() < 0.2;
    if (together) await killOnce(order);
    else for (const victim of order) await killOnce([victim]);
  }

  const fromFile = `SELECT count(*) FROM records WHERE device LIKE 'press-%'`;
  let stored: number | undefined;
  await eventually(
    () => `${recording.kept.length} records of the recording are stored; it is ${stored}`,
    async () => {
      expectAlive();
      stored = await askNumber(data, fromFile);
      return stored !== undefined && stored >= recording.kept.length;
    },
    120_000,
    200,
  );
  // The last kill may have been a moment ago.
  await eventually('the node is up', () => running.node.err().includes('delivering to'));
  const node = await running.node.end('SIGTERM');
  expect({ code: node.code, err: node.code === 0 ? '' : node.err }).toEqual({ code: 0, err: '' });
  const { ledger, differences } = JSON.parse(node.out) as { ledger: NodeLedger; differences: unknown[] };
  expect(differences).toEqual([]);
  const asked = await run('ledger', '--json', '--data', data);
  expect(asked.code).toBe(0);
  expect((JSON.parse(asked.out) as HubLedger).nodes[0]!.differences).toEqual([]);
  expect((await running.hub.end('SIGTERM')).code).toBe(0);

  const hub = await openHubData(data);
  try {
    await expectOneTruth(hub, ledger);
  } finally {
    hub.close();
  }
});

async function expectOneTruth(hub: HubData, ledger: NodeLedger): Promise<void> {
  // Three counts: SQL over files and staged rows, the index, the node's ledger.
  const byLane = await hub.sql('SELECT lane, count(*) AS rows FROM records GROUP BY lane');
  const rows = Object.fromEntries(byLane.map(({ lane, rows: count }) => [`${NODE}/${lane}`, count]));
  const delivered = ledger.lanes.flatMap((lane) =>
    lane.enqueued === 0 ? [] : [[`${NODE}/${laneOf(lane.priority)}`, lane.delivered]],
  );
  expect(rows).toEqual(Object.fromEntries(delivered));
  expect(await hub.indexed()).toEqual(rows);
  for (const { enqueued, delivered: ended, waiting, deadLettered } of ledger.lanes) {
    expect({ enqueued, waiting, deadLettered }).toEqual({ enqueued: ended, waiting: 0, deadLettered: { damaged: 0 } });
  }

  // Nothing is there twice: by identity, and by what was measured.
  const [once] = await hub.sql(`SELECT count(*) AS rows, count(DISTINCT (node, producer, epoch, lane, position)) AS ids,
    count(DISTINCT (device, stream, ts)) AS readings, count(DISTINCT epoch) AS epochs FROM records`);
  expect(once!.ids).toBe(once!.rows);
  expect(once!.readings).toBe(once!.rows);
  expect(once!.epochs).toBeGreaterThan(KILLS / 2);

  // What is stored of the recording is what it says, and what is missing was refused for the reason it says.
  const found = await hub.sql(
    `SELECT device, stream, ts, value FROM records WHERE device LIKE 'press-%' ORDER BY device, stream, ts`,
  );
  expect(found.length).toBe(recording.kept.length);
  const wrong = found.findIndex((row, at) => recording.kept[at]!.join() !== Object.values(row).join());
  expect(wrong === -1 ? [] : [wrong, found[wrong], recording.kept[wrong]]).toEqual([]);
  expect(ledger.sources.press).toEqual({ collected: 2 * ROWS, refused: { 'not-finite': recording.broken } });

  // Stream by stream, the simulated ones too, which nobody can compute.
  const streams = await hub.sql('SELECT stream, count(*) AS rows FROM records GROUP BY stream ORDER BY stream');
  const kept = ledger.streams.flatMap(({ stream, kept: count }) => (count > 0 ? [{ stream, rows: count }] : []));
  expect(streams).toEqual(kept.sort((a, b) => (a.stream < b.stream ? -1 : 1)));
  expect(streams.map(({ stream }) => stream)).toEqual(['counter', 'gate', 'level', 'temperature']);
  expect(ledger.streams.find(({ stream }) => stream === 'parked')!.local).toBeGreaterThan(0);

  // No rest of a seal that was cut off is left over.
  const named = await hub.sql('SELECT name FROM hub.files ORDER BY name');
  const cold = readdirSync(join(data, 'hub', 'store', 'cold'), { recursive: true }) as string[];
  expect(cold.filter((name) => /\.(parquet|tmp)$/.test(name)).sort()).toEqual(named.map(({ name }) => name));
  console.info({ ...once, files: named.length, recorded: found.length, broken: recording.broken });
}
