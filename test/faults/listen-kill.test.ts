import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../core/ledger.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { askNumber, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { nthMessage, type PublisherJob } from '../helpers/listen-publisher.ts';
import { eventually, killAll, type Launched, launch, run, steadyPort, writeFleet } from '../helpers/processes.ts';

/**
 * Devices publish to a node, each a process with mqtt.js and QoS 1; at moments drawn by a seed everything is killed at
 * once: hub, node, devices. In the end each message must have exactly one fate: by the devices' own notes, by SQL over
 * what the hub stored, and by the node's ledger.
 *
 * HEADWATER_LISTEN_MESSAGES: of all devices together; HEADWATER_LISTEN_KILLS; HEADWATER_SEED (hexadecimal).
 */
const SEED = BigInt(`0x${(process.env.HEADWATER_SEED ?? 'c0ffee').replace(/^0x/, '').slice(0, 16)}`);
const MESSAGES = Number(process.env.HEADWATER_LISTEN_MESSAGES ?? 6_000);
const KILLS = Number(process.env.HEADWATER_LISTEN_KILLS ?? 8);
const DEVICES = ['pump-001', 'pump-002', 'pump-003', 'pump-004'];
const EACH = Math.ceil(MESSAGES / DEVICES.length);
/** For each kill all starts anew, and the larger runs are made by hand. */
const TIMEOUT_MS = 120_000 + KILLS * 15_000;
const WINDOW = 32;
const NODE = 'line-1';
const ROOT = resolve(import.meta.dirname, '../..');
const TSX = join(ROOT, 'node_modules/tsx/dist/loader.mjs');

const random = createSeededRandom(SEED);
let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let ports: { mqtt: number; listen: number };
let hub: Launched;
let node: Launched;
const publishers = new Map<string, ChildProcess>();

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  const mqtt = await steadyPort();
  ports = { mqtt, listen: await steadyPort() };
  const source = { type: 'listen', host: '127.0.0.1', port: ports.listen, maxInFlight: WINDOW, maxRate: 100_000 };
  fleet = await writeFleet(folder.path, {
    name: 'listened',
    streams: { count: { sync: 'real-time' }, level: { sync: 'real-time', filter: { type: 'change' } } },
    deviceGroups: { pump: { count: DEVICES.length, streams: ['count', 'level'], source } },
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['pump'] }],
    hub: { sealRows: 5_000, sealEvery: '1s' },
  });
  const made = await run('provision', 'listener', NODE, '--fleet', fleet);
  expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: '' });
});
afterEach(async () => {
  await endPublishers();
  await killAll();
});
afterAll(() => folder.remove());

const notesOf = (device: string): string => join(folder.path, `${device}.notes`);
const startHub = (): Launched =>
  launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(ports.mqtt)]);
const startNode = (): Launched =>
  launch(['node', fleet, '--node', NODE, '--data', data, '--mqtt-port', String(ports.mqtt), '--json']);

function startPublishers(): void {
  DEVICES.forEach((device, at) => {
    const credentials = join(folder.path, 'listener', NODE, 'credentials', device);
    const job: PublisherJob = {
      port: ports.listen,
      device,
      credentials,
      notes: notesOf(device),
      messages: EACH,
      window: WINDOW,
      dup: at % 2 === 0,
    };
    const script = join(ROOT, 'test/helpers/listen-publisher.ts');
    const child = spawn(process.execPath, ['--import', TSX, script, JSON.stringify(job)], { stdio: 'inherit' });
    publishers.set(device, child);
  });
}

async function endPublishers(): Promise<void> {
  const running = [...publishers.values()].filter(({ exitCode, signalCode }) => exitCode === null && !signalCode);
  const ended = running.map((child) => new Promise((done) => child.once('close', done)));
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(ended);
}

const noted = (): number =>
  DEVICES.reduce((sum, device) => sum + (existsSync(notesOf(device)) ? statSync(notesOf(device)).size : 0), 0);
const sayings = (): string => `${node.err().slice(-1_500)} ${hub.err().slice(-500)}`;

function expectAlive(): true {
  for (const [name, { isRunning }] of Object.entries({ hub, node })) {
    if (!isRunning()) throw new Error(`the ${name} ended by itself: ${sayings()}`);
  }
  for (const [device, { exitCode }] of publishers) if (exitCode) throw new Error(`${device} ended with ${exitCode}`);
  return true;
}

test(
  `everything killed ${KILLS} times, seed ${SEED.toString(16)}: no acknowledged message lost, none twice`,
  async () => {
    console.info(`HEADWATER_SEED=${SEED.toString(16)} HEADWATER_LISTEN_MESSAGES=${MESSAGES}`);
    const begun = performance.now();
    hub = startHub();
    // The node finds its credentials where the hub makes them.
    await eventually('the hub is ready', () => hub.out().includes('MQTT'));
    node = startNode();
    startPublishers();
    /** Two notes a message, of some 16 bytes each. */
    const notes = 2 * 16 * MESSAGES;
    for (let kill = 0; kill < KILLS; kill++) {
      // Between none and twice an even share of what is to be said: the last kills fall when little is left to say.
      const until = noted() + 1 + Math.floor((random.fraction() * 2 * notes * 0.9) / KILLS);
      await eventually(
        () => `so many notes are made: ${noted()} of ${until}; ${sayings()}`,
        () => expectAlive() && (noted() >= until || [...publishers.values()].every(({ exitCode }) => exitCode === 0)),
        120_000,
        1,
      );
      const devicesToo = random.fraction() < 0.7;
      await Promise.all([node.end('SIGKILL'), hub.end('SIGKILL'), ...(devicesToo ? [endPublishers()] : [])]);
      hub = startHub();
      node = startNode();
      if (devicesToo) startPublishers();
    }

    await eventually(
      () => `all messages are acknowledged; ${sayings()}`,
      () => expectAlive() && [...publishers.values()].every(({ exitCode }) => exitCode === 0),
      600_000,
      50,
    );
    const all = DEVICES.flatMap((device) => Array.from({ length: EACH }, (_, n) => nthMessage(device, n)));
    const of = (kind: string): number => all.filter((message) => message.kind === kind).length;
    expect(DEVICES.map((device) => countAcked(device))).toEqual(DEVICES.map(() => EACH));

    // The first of each level stream is kept, everything else on it filtered.
    const expected = of('count') + DEVICES.length;
    let stored: number | undefined;
    await eventually(
      () => `${expected} records are stored; it is ${stored}; ${sayings()}`,
      async () => {
        expectAlive();
        stored = await askNumber(data, 'SELECT count(*) FROM records');
        return stored !== undefined && stored >= expected;
      },
      120_000,
      100,
    );
    await eventually('the node is up', () => node.err().includes('listener: open'));
    const ended = await node.end('SIGTERM');
    const { ledger, differences } = JSON.parse(ended.out) as { ledger: NodeLedger; differences: unknown[] };
    expect(differences).toEqual([]);
    expect(ledger.lanes.map(({ waiting }) => waiting)).toEqual([0, 0, 0, 0]);
    expect((await hub.end('SIGTERM')).code).toBe(0);
    await expectEachOnce(ledger, of('bad'), all.length);
    const sent = DEVICES.reduce((sum, device) => sum + countSent(device), 0);
    const seconds = Math.round((performance.now() - begun) / 1_000);
    console.info({ sent, acknowledged: all.length, stored, refused: of('bad'), kills: KILLS, seconds });
  },
  TIMEOUT_MS,
);

const lines = (device: string): string[] => readFileSync(notesOf(device), 'utf8').split('\n');
const countAcked = (device: string): number =>
  new Set(lines(device).flatMap((line) => (line.startsWith('acked ') ? [line.split(' ')[2]] : []))).size;
const countSent = (device: string): number => lines(device).filter((line) => line.startsWith('sent ')).length;

async function expectEachOnce(ledger: NodeLedger, bad: number, total: number): Promise<void> {
  const stored = await openHubData(data);
  try {
    const found = await stored.sql(`SELECT device, count(*) AS rows, count(DISTINCT value) AS numbers,
      sum(value)::BIGINT AS total FROM records WHERE stream = 'count' GROUP BY device ORDER BY device`);
    const numbers = Array.from({ length: EACH }, (_, n) => n).filter((n) => nthMessage('', n).kind === 'count');
    const rows = numbers.length;
    const sum = numbers.reduce((some, n) => some + n, 0);
    expect(found).toEqual(DEVICES.map((device) => ({ device, rows, numbers: rows, total: sum })));
    // What was filtered or refused is not at the hub: that it happened once stands in the ledger.
    expect(ledger.sources.pump).toEqual({ collected: total, refused: { unparsable: bad } });
  } finally {
    stored.close();
  }
}
