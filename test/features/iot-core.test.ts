import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { askNumber } from '../helpers/hub-data.ts';
import { createHubRig, type HubRig } from '../helpers/hub-rig.ts';
import { type IotCoreBroker, startIotCoreBroker } from '../helpers/iot-core-broker.ts';
import { writeIotCoreDevice } from '../helpers/iot-core-device.ts';
import { createMemoryIngest } from '../helpers/memory-ingest.ts';
import { eventually, killAll, launch, run, writeFleet } from '../helpers/processes.ts';

/** A node whose uplink is IoT Core, as an operator runs it: the real command, a broker that speaks as IoT Core does. */

jest.setTimeout(60_000);
const { store, ingest } = createMemoryIngest('cloud');
const ROWS = 200;
let rig: HubRig;
let broker: IotCoreBroker;
let fleet: string;
const at = (...names: string[]): string => join(rig.directory, ...names);

beforeAll(async () => {
  rig = await createHubRig({ nodes: ['pump-01'] });
  broker = await startIotCoreBroker({ tls: rig.hubTls, fleet: 'rig', ingest });
  const rows = Array.from({ length: ROWS }, (_, index) => index + 1);
  await mkdir(at('work'));
  await writeFile(
    at('work', 'input.csv'),
    `v,alarm\n${rows.map((value) => `${value},${value % 50 === 0}`).join('\n')}\n`,
  );
  fleet = await writeFleet(at('work'), {
    name: 'rig',
    streams: { v: { sync: '100ms' }, alarm: { kind: 'boolean', priority: 'critical', sync: '100ms' } },
    deviceGroups: {
      g: { streams: ['v', 'alarm'], source: { type: 'file', path: 'input.csv', columns: { v: 'v', alarm: 'alarm' } } },
    },
    nodes: [{ name: 'pump-01', site: 'here', deviceGroups: ['g'] }],
    uplink: [{ type: 'iot-core' }],
    hub: { mqttPort: 0, httpPort: 0 },
  });
  await writeIotCoreDevice(rig, { node: 'pump-01', fleet: 'rig', port: broker.port }, at('device'));
});
afterAll(async () => {
  await killAll();
  await broker.stop();
  await rig.dispose();
});

const nodeArguments = (data: string, ...more: string[]): string[] => [
  ...['node', fleet, '--node', 'pump-01', '--data', at(data), '--credentials', at('device')],
  ...more,
];

test('node: delivers everything through the rules of its fleet, to the endpoint beside its credentials', async () => {
  const running = launch(nodeArguments('data', '--json'));
  await eventually(
    () => `all is stored: ${store.rows().length} rows; ${running.err()}`,
    () => store.rows().length >= 2 * ROWS,
  );
  const { code, out, err } = await running.end('SIGTERM');
  expect(code).toBe(0);
  expect(err).toContain(`node pump-01: delivering to IoT Core at 127.0.0.1:${broker.port}\n`);
  const { ledger, differences } = JSON.parse(out);
  expect(differences).toEqual([]);
  expect(
    ledger.lanes.map(({ delivered, waiting }: { delivered: number; waiting: number }) => [delivered, waiting]),
  ).toEqual([
    [ROWS, 0],
    [0, 0],
    [ROWS, 0],
    [0, 0],
  ]);
  expect(store.rows()).toHaveLength(2 * ROWS);
  expect([...new Set(broker.topics)].sort()).toEqual([
    '$aws/rules/headwater_rig_bulk/headwater/pump-01/bulk',
    '$aws/rules/headwater_rig_critical/headwater/pump-01/critical',
  ]);
});

test('node: what it cannot start with is one line that says what to do', async () => {
  const problem = async (...more: string[]): Promise<string> => {
    const { code, err } = await run(...nodeArguments('other', ...more));
    expect({ code, lines: err.trimEnd().split('\n').length }).toEqual({ code: 1, lines: 1 });
    return err;
  };
  expect(await problem('--hub', 'hub.plant')).toContain("the fleet file's uplink is iot-core; use --endpoint");
  expect(await problem('--credentials', at('nowhere'))).toContain('run "headwater provision device"');
  await mkdir(at('bare'));
  for (const name of ['ca.crt', 'node.crt', 'node.key']) await copyFile(at('device', name), at('bare', name));
  expect(await problem('--credentials', at('bare'))).toMatch(
    /no endpoint of IoT Core is known: .*provision device pump-01/,
  );
  await chmod(at('bare', 'node.key'), 0o644);
  expect(await problem('--credentials', at('bare'))).toContain('chmod 600');
});

test('start: uses the hub in its own process, and says so', async () => {
  const running = launch(['start', fleet, '--json', '--data', at('start'), '--port', '0', '--mqtt-port', '0']);
  const before = broker.connects.length;
  await eventually(
    'all is stored',
    async () => (await askNumber(at('start'), 'SELECT count(*) FROM records')) === 2 * ROWS,
  );
  const { code, out, err } = await running.end('SIGTERM');
  expect({ code, report: JSON.parse(out) }).toMatchObject({ code: 0, report: { balanced: true } });
  expect(err).toContain('uplink iot-core is not used');
  expect(broker.connects).toHaveLength(before);
});

test('provision csr: a private key that stays, a request that may travel; a name that the fleet lacks', async () => {
  const made = await run('provision', 'csr', 'pump-01', '--fleet', fleet, '--out', at('csr'));
  expect(made).toMatchObject({ code: 0, err: '' });
  expect(await readFile(at('csr', 'node.csr'), 'utf8')).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/);
  expect(await readFile(at('csr', 'node.key'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  const typo = await run('provision', 'csr', 'pmup-01', '--fleet', fleet, '--out', at('typo'));
  expect(typo).toMatchObject({ code: 1, out: '' });
  expect(typo.err).toMatch(/^headwater: no node "pmup-01" in .*: did you mean pump-01\?\n$/);
  expect(existsSync(at('typo'))).toBe(false);
});
