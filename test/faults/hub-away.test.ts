import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../core/ledger.ts';
import { createGrowthMeter } from '../helpers/growth.ts';
import { askNumber, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll, type Launched, launch, steadyPort, writeFleet } from '../helpers/processes.ts';

/**
 * A node that collects for long while its hub is away: the backlog is on the disk, not in memory, and when the hub
 * comes it drains to the last record.
 */

const ROWS = 2_000_000;
const START_MS = Date.UTC(2025, 5, 1);
const NODE = 'line-1';
/** With room to spare garbage is left lying about for long, and memory says little about what is kept. */
const SMALL_HEAP = '--max-old-space-size=64 --max-semi-space-size=4';
/** What a plateau may vary by: two thirds of the backlog as objects in memory would be at least twice as much. */
const FLAT_MB = 40;

let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let mqttPort: number;
beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  mqttPort = await steadyPort();
  await writeBacklog(join(folder.path, 'backlog.csv'));
  fleet = await writeFleet(folder.path, {
    name: 'away',
    streams: { counter: { sync: '1s' } },
    deviceGroups: {
      press: {
        streams: ['counter'],
        source: {
          type: 'file',
          path: 'backlog.csv',
          time: { column: 'time', format: 'epoch-ms' },
          columns: { counter: 'counter' },
        },
      },
    },
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['press'] }],
  });
});
afterEach(killAll);
afterAll(() => folder.remove());

async function writeBacklog(path: string): Promise<void> {
  const file = createWriteStream(path);
  file.write('time,counter\n');
  for (let row = 0; row < ROWS; row++) {
    if (!file.write(`${START_MS + row * 100},${row}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
}

const startHub = (): Launched => launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(mqttPort)]);

const memoryMb = ({ pid }: Launched): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

const testOnLinux = process.platform === 'linux' ? test : test.skip;

testOnLinux('hub away: memory stays flat while the backlog grows; on return everything drains, once', async () => {
  const first = startHub(); // makes the node's credentials
  await eventually('the hub is ready', () => first.out().includes('MQTT'));
  expect((await first.end('SIGTERM')).code).toBe(0);

  const node = launch(['node', fleet, '--node', NODE, '--data', data, '--mqtt-port', String(mqttPort), '--json'], {
    env: { ...process.env, NODE_OPTIONS: SMALL_HEAP },
  });
  const journal = createGrowthMeter(join(data, 'nodes', NODE, 'journal'));
  const samples: { bytes: number; mb: number }[] = [];
  let still = 0;
  await eventually(
    'the file is read to its end: the journal does not grow any more',
    () => {
      if (!node.isRunning()) throw new Error(node.err());
      const bytes = journal();
      still = bytes === samples.at(-1)?.bytes && bytes > 0 ? still + 1 : 0;
      samples.push({ bytes, mb: memoryMb(node) });
      return still >= 20;
    },
    120_000,
    100,
  );
  const total = samples.at(-1)!.bytes;
  expect(total).toBeGreaterThan(ROWS * 5);
  const peak = (from: number, to: number): number =>
    Math.max(...samples.filter(({ bytes }) => bytes > from * total && bytes <= to * total).map(({ mb }) => mb));
  const [early, late] = [peak(0.25, 0.5), peak(0.65, 1)];
  console.info({ backlogMb: total / 1024 ** 2, earlyMb: early, lateMb: late, samples: samples.length });
  expect(late - early).toBeLessThan(FLAT_MB);

  const hub = startHub();
  let stored: number | undefined;
  await eventually(
    () => `${ROWS} records are stored; it is ${stored}: ${node.err().slice(-1_000)}`,
    async () => {
      stored = await askNumber(data, 'SELECT count(*) FROM records');
      return stored !== undefined && stored >= ROWS;
    },
    120_000,
    200,
  );
  const { code, out } = await node.end('SIGTERM');
  expect(code).toBe(0);
  const { ledger } = JSON.parse(out) as { ledger: NodeLedger };
  expect(ledger.sources.press).toEqual({ collected: ROWS, refused: {} });
  expect(ledger.lanes[2]).toMatchObject({ priority: 'normal', enqueued: ROWS, delivered: ROWS, waiting: 0 });
  expect((await hub.end('SIGTERM')).code).toBe(0);

  const content = await openHubData(data);
  try {
    const [row] = await content.sql(`SELECT count(*) AS rows, count(DISTINCT value) AS different, min(value) AS least,
      max(value) AS most, count(*) FILTER (WHERE ts <> ${START_MS} + value * 100) AS wrong FROM records`);
    expect(row).toEqual({ rows: ROWS, different: ROWS, least: 0, most: ROWS - 1, wrong: 0 });
    expect(await content.indexed()).toEqual({ [`${NODE}/2`]: ROWS });
  } finally {
    content.close();
  }
});
