import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { askNumber } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll, type Launched, launch, run, steadyPort, writeFleet } from '../helpers/processes.ts';

/**
 * What an operator sees and does of a node elsewhere by way of its hub, over HTTP and MQTT, with real processes: the hub has
 * its data directory, the node another, the operator neither.
 */

jest.setTimeout(120_000);
const ROWS = 40;
let folder: { path: string; remove: () => Promise<void> };
let data: string;
let elsewhere: string;
let hub: string;
let node: Launched;
const minute = (at: number): string => new Date(Date.UTC(2026, 0, 1) + at * 60_000).toISOString();
const pull = (...more: string[]) =>
  run('pull', 'gateway', '--stream', 'raw', '--from', minute(10), '--to', minute(15), ...more);

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  elsewhere = join(folder.path, 'elsewhere');
  await mkdir(data);
  const rows = Array.from({ length: ROWS }, (_, index) => `${minute(index)},${index},${index}`);
  await writeFile(join(folder.path, 'input.csv'), `time,raw,v\n${rows.join('\n')}\n`);
  const source = {
    type: 'file',
    path: 'input.csv',
    time: { column: 'time', format: 'iso' },
    columns: { raw: 'raw', v: 'v' },
  };
  const fleet = await writeFleet(folder.path, {
    name: 'asked',
    streams: { raw: { sync: 'on-demand' }, v: { sync: '100ms' } },
    deviceGroups: { bench: { streams: ['raw', 'v'], source } },
    nodes: [
      { name: 'gateway', site: 'here', deviceGroups: ['bench'] },
      { name: 'sleeper', site: 'here', deviceGroups: ['bench'] },
    ],
  });
  const mqttPort = String(await steadyPort());
  const far = launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', mqttPort]);
  await eventually(
    () => `the hub is ready: ${far.err()}`,
    () => far.out().includes('MQTT'),
  );
  const credentials = join(data, 'hub', 'pki', 'credentials', 'gateway');
  const own = ['--data', join(folder.path, 'node'), '--credentials', credentials, '--mqtt-port', mqttPort];
  node = launch(['node', fleet, '--node', 'gateway', ...own, '--json']);
  await eventually('all of v is stored', async () => {
    return (await askNumber(data, "SELECT count(*) FROM records WHERE stream = 'v'")) === ROWS;
  });
  hub = (JSON.parse(await readFile(join(data, 'hub', 'address.json'), 'utf8')) as { url: string }).url;
});
afterAll(async () => {
  await killAll();
  await folder.remove();
});

test('the records travel, once; both sides note who asked', async () => {
  const { code, out } = await pull('--hub', hub, '--data', elsewhere);
  expect([code, out]).toEqual([
    0,
    'node gateway: 5 records of raw travel now\n35 records of raw are still local only, outside of what was asked for\n',
  ]);
  await eventually('they are stored', async () => {
    return (await askNumber(data, "SELECT count(*) FROM records WHERE stream = 'raw'")) === 5;
  });
  const again = await pull('--hub', hub, '--data', elsewhere, '--json');
  expect(JSON.parse(again.out)).toEqual({
    node: 'gateway',
    stream: 'raw',
    pulled: 0,
    pulledBefore: 5,
    unreadable: 0,
    agedOut: 0,
    stillLocal: 35,
  });
  const audits = ['node/nodes/gateway', 'data/hub'].map((part) =>
    readFile(join(folder.path, part, 'audit.ndjson'), 'utf8'),
  );
  const [near, far] = await Promise.all(audits);
  expect(near).toMatch(/"actor":"far-side","action":"pull","target":"gateway raw, .*"outcome":"allowed"/);
  expect(far).toMatch(/"actor":"http","action":"pull","target":"gateway raw, .*"outcome":"allowed"/);
});

test('what is refused says why, with exit code 1', async () => {
  const refused = (...args: string[]) =>
    run('pull', ...args, '--from', minute(0), '--to', minute(1), '--data', elsewhere);
  const cases: [string[], RegExp][] = [
    [
      ['gateway', '--stream', 'no', '--hub', hub],
      /^headwater: node gateway: no-such-stream: this node never had a stream "no"$/m,
    ],
    [
      ['sleeper', '--stream', 'raw', '--hub', hub],
      /not-connected: node sleeper is not connected to this hub; try again/,
    ],
    [['nobody', '--stream', 'raw', '--hub', hub], /unknown-node: this hub has no node "nobody"/],
    [['gateway', '--stream', 'raw', '--hub', 'http://127.0.0.1:1'], /no hub answers at/],
    [['gateway', '--stream', 'raw'], /no node ever ran on .*elsewhere/],
  ];
  for (const [args, message] of cases) {
    expect(await refused(...args)).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) });
  }
});

test('the ledger has the last word of a node that is gone, and what is not known is said to be', async () => {
  expect((await node.end('SIGTERM')).code).toBe(0);
  const ledger = async (...args: string[]) => run('ledger', '--hub', hub, ...args);
  const one = JSON.parse((await ledger('--json', '--node', 'gateway')).out);
  expect(one).toMatchObject({ verdict: 'balanced-as-of', balanced: true });
  expect(one.nodes).toMatchObject([
    { checked: 'as-of', stated: [{ enqueued: ROWS + 5, delivered: ROWS + 5, waiting: 0, inDoubt: 0, givenUp: {} }] },
  ]);
  const all = await ledger();
  expect([all.code, all.out]).toEqual([0, expect.stringMatching(/^gateway +normal +45 +45 +0 +0 +0 +45 +45$/m)]);
  expect(all.out).toMatch(/^gateway: as it stated at 20.*Z$/m);
  expect(all.out).toMatch(/^sleeper: has not stated anything yet/m);
  expect(all.out).toMatch(/^unknown: nothing differs, but 1 node has not stated all/m);
});
