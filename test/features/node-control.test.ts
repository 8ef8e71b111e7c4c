import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { askNumber } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { type Ended, eventually, killAll, type Launched, launch, run, writeFleet } from '../helpers/processes.ts';

/** What an operator asks of a running node: real processes, the control socket on a real disk. */

jest.setTimeout(120_000);
const ROWS = 40;
let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let running: Launched;

const command = (...args: string[]): Promise<Ended> => run(...args, '--data', data);
const start = (): Launched => launch(['start', fleet, '--json', '--port', '0', '--mqtt-port', '0', '--data', data]);
const stored = (): Promise<number | undefined> => askNumber(data, "SELECT count(*) FROM records WHERE stream = 'raw'");
const minute = (at: number): string => new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString();

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  await mkdir(data);
  const rows = Array.from({ length: ROWS }, (_, index) => `${minute(index)},${index},${index === 3 ? 'x' : index}`);
  await writeFile(join(folder.path, 'input.csv'), `time,raw,v\n${rows.join('\n')}\n`);
  fleet = await writeFleet(folder.path, {
    name: 'asked',
    streams: { raw: { sync: 'on-demand' }, v: { sync: '100ms' } },
    deviceGroups: {
      bench: {
        streams: ['raw', 'v'],
        source: {
          type: 'file',
          path: 'input.csv',
          time: { column: 'time', format: 'iso' },
          columns: { raw: 'raw', v: 'v' },
        },
      },
    },
    nodes: [{ name: 'gateway', site: 'here', deviceGroups: ['bench'] }],
  });
  running = start();
  await eventually('all of v is stored', async () => {
    const count = await askNumber(data, "SELECT count(*) FROM records WHERE stream = 'v'");
    return count === ROWS - 1;
  });
});
afterAll(async () => {
  await killAll();
  await folder.remove();
});

test('the socket is for the owner only, in a folder that is too', async () => {
  const node = join(data, 'nodes', 'gateway');
  const modes = await Promise.all([stat(join(node, 'control.sock')), stat(node)]);
  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o700]);
});

test('pull: so many records travel, once; the rest is told of', async () => {
  expect(await stored()).toBe(0);
  const args = ['pull', 'gateway', '--stream', 'raw', '--from', minute(10), '--to', minute(15)];
  expect(await command(...args)).toMatchObject({
    code: 0,
    err: '',
    out: 'node gateway: 5 records of raw travel now\n35 records of raw are still local only, outside of what was asked for\n',
  });
  await eventually('they are stored', async () => (await stored()) === 5);
  const again = await command(...args, '--json');
  expect(JSON.parse(again.out)).toMatchObject({ pulled: 0, pulledBefore: 5, stillLocal: 35, agedOut: 0 });
  const audit = await readFile(join(data, 'nodes', 'gateway', 'audit.ndjson'), 'utf8');
  expect(audit).toMatch(/"action":"pull","target":"gateway raw, 2026-01-01T00:10:00.000Z to .*"outcome":"allowed"/);
});

test('ledger --explain: sentences, as text and as JSON, of one node', async () => {
  const { code, out } = await command('ledger', '--explain', '--node', 'gateway');
  expect(code).toBe(0);
  expect(out).toMatch(/^gateway:\n {2}Source bench handed over 80 readings; 79 of them were let in\.$/m);
  expect(out).toMatch(/^ {2}1 reading of bench was refused: .*\n {6}→ headwater quarantine list/m);
  expect(out).toMatch(/^ {2}35 readings of raw stayed on the node .*\n {6}→ headwater pull /m);
  const json = JSON.parse((await command('ledger', '--explain', '--json')).out) as { sentences: object[] };
  expect(json).toMatchObject({ balanced: true, differences: [] });
  expect(json.sentences).toContainEqual(expect.objectContaining({ fate: 'local', count: 35 }));
  expect(await command('ledger', '--explain', '--node', 'nobody')).toMatchObject({ code: 1, out: '' });
});

test('dead-letters, keys: of a node that has none, and what is asked wrongly', async () => {
  expect(await command('dead-letters', 'list')).toMatchObject({ code: 0, out: 'no dead letters\n', err: '' });
  expect(await command('dead-letters', 'list', '--json')).toMatchObject({ code: 0, out: '[]\n' });
  expect(await command('dead-letters', 'show', '7')).toMatchObject({
    code: 1,
    err: 'headwater: node gateway: no-such-letter: no dead letter 7: see headwater dead-letters list\n',
  });
  expect(await command('dead-letters', 'replay')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/name dead letters, or say --all/),
  });
  expect(await command('dead-letters', 'replay', '--all')).toMatchObject({
    code: 0,
    out: 'node gateway: 0 records wait again\n',
  });
  expect(await command('dead-letters', 'discard', '7')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/gone for good: add --yes/),
  });
  expect(await command('keys', 'rotate')).toMatchObject({ code: 0, out: 'node gateway: the journal has a new key\n' });
  const keys = JSON.parse(await readFile(join(data, 'nodes', 'gateway', 'keys.json'), 'utf8'));
  expect(keys).toMatchObject({ keys: [{ id: expect.any(Number) }, { id: expect.any(Number) }] });
  expect(await command('pull', 'gateway', '--stream', 'no', '--from', minute(0), '--to', minute(1))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/no-such-stream: this node never had a stream "no"/),
  });
  expect(await command('pull', 'gateway', '--stream', 'raw', '--from', '2026-02-31', '--to', minute(1))).toMatchObject({
    code: 2,
    err: expect.stringMatching(/Expected a time such as/),
  });
});

test('/metrics of the hub has the fates of its nodes', async () => {
  const { url } = JSON.parse(await readFile(join(data, 'hub', 'address.json'), 'utf8')) as { url: string };
  const body = await (await fetch(`${url}/metrics`)).text();
  expect(body).toMatch(/^headwater_readings\{node="gateway",stream="raw",priority="normal",fate="local"\} 35$/m);
  expect(body).toMatch(/^headwater_given_up_records\{node="gateway",priority="normal"\} 0$/m);
});

test('after SIGKILL nobody answers, which is said; the next start takes the socket over', async () => {
  await running.end('SIGKILL');
  const { code, err } = await command('dead-letters', 'list');
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringMatching(
      /^headwater: node gateway does not run on .*: start it \(headwater node FLEET --node gateway/,
    ),
  });
  running = start();
  await eventually('it answers again', async () => (await command('dead-letters', 'list')).code === 0);
  const args = ['pull', 'gateway', '--stream', 'raw', '--from', minute(0), '--to', minute(ROWS)];
  const { out } = await command(...args, '--json');
  expect(JSON.parse(out)).toMatchObject({ pulled: 35, pulledBefore: 5, stillLocal: 0 });
  await eventually('all of it is stored', async () => (await stored()) === ROWS);
  const ended = await running.end('SIGTERM');
  expect(ended.code).toBe(0);
  expect(await command('keys', 'rotate')).toMatchObject({ code: 1, err: expect.stringMatching(/does not run/) });
});

test('node --metrics-port: the same for one node alone', async () => {
  const alone = launch([
    'node',
    fleet,
    '--node',
    'gateway',
    '--data',
    data,
    '--hub',
    '127.0.0.1:1',
    '--credentials',
    join(data, 'hub', 'pki', 'credentials', 'gateway'),
    '--metrics-port',
    '0',
  ]);
  const url = await eventually('it says where', () => /metrics at (\S+)/.exec(alone.err())?.[1]);
  const body = await (await fetch(url)).text();
  expect(body).toMatch(/^headwater_records_enqueued_total\{node="gateway",priority="normal"\} 79$/m);
  expect(body).toMatch(/^headwater_node_uplink_connected\{node="gateway"\} 0$/m);
  expect((await fetch(url.replace('/metrics', '/'))).status).toBe(404);
  expect((await fetch(url, { headers: { origin: 'http://elsewhere' } })).status).toBe(403);
  const told = await command('ledger', '--explain');
  expect(told).toMatchObject({ code: 0, err: expect.stringMatching(/only the side of the nodes is told/) });
  expect(told.out).toMatch(/^gateway:$/m);
  expect((await alone.end('SIGTERM')).code).toBe(0);
});
