import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { commonNameOf, isIssuedBy, parseCertificate } from '../../../adapters/embedded/key-pair.ts';
import { runProvisionListener } from '../../../bin/running/run-provision-listener.ts';
import { makeTemporaryDirectory } from '../../helpers/hub-rig.ts';

let folder: { path: string; remove: () => Promise<void> };
let file: string;
let said: string;

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  file = join(folder.path, 'fleet.yaml');
  const listen = { type: 'listen', gateways: { gate: ['pump-*'] } };
  const fleet = {
    version: 1,
    name: 'test',
    sites: { here: {} },
    streams: { level: {} },
    deviceGroups: {
      pump: { count: 2, streams: ['level'], source: listen },
      fan: { streams: ['level'], source: { type: 'listen', port: 9000, credentials: 'fans' } },
      quiet: { streams: ['level'], source: { type: 'file', path: 'x.csv', columns: { level: 'l' } } },
    },
    nodes: [
      { name: 'n-1', site: 'here', deviceGroups: ['pump', 'fan'] },
      { name: 'n-2', site: 'here', deviceGroups: ['quiet'] },
    ],
  };
  await writeFile(file, JSON.stringify(fleet));
});
beforeEach(() => {
  said = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => folder.remove());

const certificate = async (...path: string[]) => parseCertificate(await readFile(join(folder.path, ...path), 'utf8'))!;

test('the listener, its devices and its gateways get certificates of one authority; a second run changes nothing', async () => {
  await runProvisionListener('n-1', { fleet: file, host: 'node.plant' });
  expect(said).toContain(`${join(folder.path, 'listener/n-1')}: listener.crt for node.plant, 3 devices and gateways`);
  const authority = await certificate('listener/n-1/ca.crt');
  const listener = await certificate('listener/n-1/listener.crt');
  expect(listener.checkHost('node.plant')).toBe('node.plant');
  for (const name of ['pump-001', 'pump-002', 'gate']) {
    const device = await certificate('listener/n-1/credentials', name, 'node.crt');
    expect([commonNameOf(device), isIssuedBy(device, authority)]).toEqual([name, true]);
  }
  expect(isIssuedBy(await certificate('fans/credentials/fan/node.crt'), await certificate('fans/ca.crt'))).toBe(true);

  await rm(join(folder.path, 'listener/n-1/credentials/gate'), { recursive: true });
  await runProvisionListener('n-1', { fleet: file, host: 'node.plant' });
  expect((await certificate('listener/n-1/listener.crt')).serialNumber).toBe(listener.serialNumber);
  expect(commonNameOf(await certificate('listener/n-1/credentials/gate/node.crt'))).toBe('gate');
});

test('a node that listens to nobody is refused', async () => {
  await expect(runProvisionListener('n-2', { fleet: file, host: 'localhost' })).rejects.toThrow('no device group with');
});
