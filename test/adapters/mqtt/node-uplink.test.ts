import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { CredentialsError, findNodeUplink, type UplinkChoice } from '../../../adapters/mqtt/node-uplink.ts';
import type { Uplink } from '../../../core/ports.ts';
import { createHubRig, type HubRig, hastyRandom } from '../../helpers/hub-rig.ts';

const TIMING = { unreachableMs: 60_000, silentMs: 180_000, probeEveryMs: 60_000, steadyMs: 30_000 };
let rig: HubRig;
const opened: Uplink[] = [];
beforeEach(async () => {
  rig = await createHubRig({ nodes: ['n-1', 'n-2'] });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((uplink) => uplink.close()));
  await rig.dispose();
});

async function open(...choices: UplinkChoice[]) {
  const logger = createMemoryLogger();
  const found = await findNodeUplink(
    { clock: systemClock, random: hastyRandom, logger },
    { node: 'n-1', fleet: 'f' },
    choices,
    TIMING,
  );
  const uplink = found.dial();
  opened.push(uplink);
  return { ...found, uplink, logger };
}
const choice = (name: string, folder = 'n-1'): UplinkChoice => ({
  name,
  hub: { host: '127.0.0.1', port: rig.port },
  credentials: `${rig.directory}/credentials/${folder}`,
});

test('one, or several: which is in use, and whom it dials', async () => {
  const one = await open(choice('hub'));
  expect([one.uplink.using(), one.ways]).toEqual([
    'hub',
    [{ name: 'hub', farSide: 'the hub', endpoint: { host: '127.0.0.1', port: rig.port } }],
  ]);
  const two = await open(choice('hub'), choice('spare'));
  await new Promise<void>((resolve) => two.uplink.onLink((up) => up && resolve()));
  expect([two.uplink.using(), two.ways.map(({ name }) => name)]).toEqual(['hub', ['hub', 'spare']]);
});

test('an uplink whose credentials cannot be used is left out and told of; if none can be, the node does not start', async () => {
  const { uplink, ways, logger } = await open(choice('hub', 'nowhere'), choice('spare'));
  expect([uplink.using(), ways.map(({ name }) => name)]).toEqual(['spare', ['spare']]);
  const errors = logger.lines.filter(({ level }) => level === 'error');
  expect(errors).toEqual([
    expect.objectContaining({ fields: { uplink: 'hub', detail: expect.stringContaining('nowhere') } }),
  ]);
  await expect(open(choice('hub', 'nowhere'), choice('spare', 'neither'))).rejects.toThrow(CredentialsError);
});

test('a certificate made out to another node is refused at the start, and the node told whose it is', async () => {
  const cert = `${rig.directory}/credentials/n-2/node.crt`;
  const opening = open(choice('hub', 'n-2'));
  await expect(opening).rejects.toThrow(`${cert} is made out to n-2, this node is n-1: copy the folder`);
  await expect(opening).rejects.toMatchObject({ reason: 'another-node' });
});

test('with several uplinks, missing credentials name both places and the files that belong there', async () => {
  const missing = (name: string, far: object): UplinkChoice => {
    const credentials = `${rig.directory}/credentials/nowhere`;
    return { name, credentials, ownFolder: `${rig.directory}/nowhere/${name}`, ...far } as UplinkChoice;
  };
  const hub = { hub: { host: '127.0.0.1', port: rig.port } };
  const where = (name: string) => `in ${rig.directory}/nowhere/${name}/, else in ${rig.directory}/credentials/nowhere/`;
  await expect(open(missing('hub', hub))).rejects.toThrow(
    new RegExp(`^uplink "hub": .*ca.crt does not exist: .*expected are ca.crt, node.crt, node.key ${where('hub')}$`),
  );
  await expect(open(missing('iot-core', { iotCore: { endpoint: undefined } }))).rejects.toThrow(
    `expected are ca.crt, node.crt, node.key, uplink.json ${where('iot-core')}`,
  );
});
