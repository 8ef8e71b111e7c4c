import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { amazonRoots } from '../../../adapters/embedded/amazon-roots.ts';
import { loadDeviceCredentials } from '../../../adapters/embedded/device-credentials.ts';
import type { MemoryRegistry } from '../../../adapters/memory/device-registry.ts';
import { createMemoryAudit } from '../../../adapters/memory/logger.ts';
import type { ProvisionPorts } from '../../../bin/provisioning/audited.ts';
import { ownRequest, readRequest, writeRequest } from '../../../bin/provisioning/device-folder.ts';
import { listDevices } from '../../../bin/provisioning/list-devices.ts';
import { provisionDevice } from '../../../bin/provisioning/provision-device.ts';
import { certificatesToRevoke, revokeCertificate } from '../../../bin/provisioning/revoke-device.ts';
import { RegistryError } from '../../../core/device-registry.ts';
import { createDeployedRegistry, ENDPOINT } from '../../helpers/device-certificates.ts';
import { makeTemporaryDirectory } from '../../helpers/hub-rig.ts';

let folder: { path: string; remove: () => Promise<void> };
let registry: MemoryRegistry;
let ports: ProvisionPorts;
const audit = createMemoryAudit();

beforeEach(async () => {
  folder = await makeTemporaryDirectory();
  registry = await createDeployedRegistry({ rig: ['deck', 'shore'], other: ['deck'] });
  audit.events.length = 0;
  ports = { registry, audit, actor: 'operator', nowMs: () => Date.now() };
});
afterEach(() => folder.remove());

const path = (...parts: string[]) => join(folder.path, ...parts);

async function provision(given: { node?: string; fleet?: string; site?: string; out?: string; csr?: string } = {}) {
  const { node = 'pump-01', fleet = 'rig', site = 'deck', out = 'out', csr } = given;
  return provisionDevice(ports, {
    node,
    fleet,
    site,
    request: csr === undefined ? await ownRequest(path(out), node) : await readRequest(csr, node),
    directory: path(out),
    roots: amazonRoots(),
    endpoint: { host: undefined, port: 8883 },
  });
}

const filesIn = async (out: string): Promise<Record<string, string>> => {
  const names = (await readdir(path(out))).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(path(out, name), 'utf8')])),
  );
};

describe('provision device', () => {
  test('registers everything, and the folder is one that a node accepts', async () => {
    const { certificateId, endpoint, otherCertificates } = await provision();
    const arn = registry.certificates.get(certificateId)!.arn;
    expect(registry.things.get('pump-01')).toEqual({ name: 'pump-01', attributes: { fleet: 'rig', site: 'deck' } });
    expect([...registry.memberships.get('pump-01')!]).toEqual(['headwater:rig:deck']);
    expect([...registry.principals.get('pump-01')!]).toEqual([arn]);
    expect([...registry.attached.get(arn)!]).toEqual(['headwater_rig_node']);
    expect({ endpoint, otherCertificates }).toEqual({
      endpoint: { host: ENDPOINT, port: 8883 },
      otherCertificates: [],
    });
    expect(Object.keys(await filesIn('out'))).toEqual(['ca.crt', 'node.crt', 'node.key', 'uplink.json']);
    expect(((await stat(path('out', 'node.key'))).mode & 0o777).toString(8)).toBe('600');
    expect(await loadDeviceCredentials(path('out'), { node: 'pump-01', fleet: 'rig' }, Date.now())).toMatchObject({
      ok: true,
      credentials: { note: { type: 'iot-core', endpoint: ENDPOINT, port: 8883, fleet: 'rig' } },
    });
    expect(audit.events.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`)).toEqual([
      'operator create-thing allowed',
      'operator add-to-group allowed',
      'operator create-certificate allowed',
      'operator attach-policy allowed',
      'operator attach-certificate allowed',
    ]);
  });

  test('nothing lets the certificate in before all that names and limits it is there', async () => {
    await provision();
    expect(registry.changes.slice(-3)).toEqual(['createCertificate', 'attachPolicy', 'attachToThing']);
  });

  test('a second run changes nothing, anywhere', async () => {
    const first = await provision();
    const [files, changes] = [await filesIn('out'), registry.changes.length];
    expect(await provision()).toEqual({ ...first, steps: [] });
    expect(await filesIn('out')).toEqual(files);
    expect(registry.changes).toHaveLength(changes);
  });

  test('cut off before any of its calls, the next run finishes it and makes no second certificate', async () => {
    await provision({ node: 'model' });
    const calls = registry.changes.length;
    const endState = (node: string) => ({
      thing: registry.things.get(node)?.attributes,
      groups: [...(registry.memberships.get(node) ?? [])],
      policies: [...(registry.principals.get(node) ?? [])].map((arn) => [...(registry.attached.get(arn) ?? [])]),
    });
    for (let cut = 0; cut < calls; cut++) {
      const node = `cut-${cut}`;
      const before = registry.changes.length;
      const certificates = registry.certificates.size;
      registry.beforeChange = () => {
        if (registry.changes.length - before === cut) throw new RegistryError('throttled', 'cut off');
      };
      await expect(provision({ node, out: node })).rejects.toThrow('cut off');
      expect(audit.events.at(-1)).toMatchObject({ outcome: 'refused', reason: 'throttled' });
      registry.beforeChange = () => {};
      await provision({ node, out: node });
      expect(registry.certificates.size).toBe(certificates + 1);
      expect(registry.changes.length - before).toBe(calls);
      expect(endState(node)).toEqual(endState('model'));
    }
  });

  test('the key may stay on the node: from its request, without a key in the folder', async () => {
    const csr = await writeRequest(path('node'), await ownRequest(path('node'), 'pump-01'));
    const first = await provision({ csr });
    expect(Object.keys(await filesIn('out'))).toEqual(['ca.crt', 'node.crt', 'uplink.json']);
    // Another folder, the same key: the certificate is the one that the thing has already.
    expect(await provision({ csr, out: 'again' })).toMatchObject({ certificateId: first.certificateId });
    expect(registry.certificates.size).toBe(1);
    for (const name of ['ca.crt', 'node.crt', 'uplink.json']) {
      await writeFile(path('node', name), await readFile(path('again', name)));
    }
    expect(await loadDeviceCredentials(path('node'), { node: 'pump-01', fleet: 'rig' }, Date.now())).toMatchObject({
      ok: true,
    });
  });

  test('making the request twice keeps the key', async () => {
    const first = await ownRequest(path('node'), 'pump-01');
    const again = await ownRequest(path('node'), 'pump-01');
    expect(again.publicKey.equals(first.publicKey)).toBe(true);
  });

  test("a request that is another node's, altered, or none", async () => {
    const csr = await writeRequest(path('node'), await ownRequest(path('node'), 'pump-02'));
    await expect(provision({ csr })).rejects.toThrow(/node\.csr is made out to pump-02, not to pump-01/);
    await expect(provision({ csr: path('none.csr') })).rejects.toThrow('provision csr pump-01');
    await writeFile(path('junk.csr'), 'junk');
    await expect(provision({ csr: path('junk.csr') })).rejects.toThrow('not a readable PEM');
    const pem = await readFile(csr, 'utf8');
    const der = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
    const at = der.indexOf('pump-02');
    der.write('pump-01', at);
    const altered = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await writeFile(path('altered.csr'), altered);
    await expect(provision({ csr: path('altered.csr') })).rejects.toThrow('not signed by its own key');
    expect(registry.changes).toEqual([]);
  });

  test('a thing of another fleet, or of something else, is not touched', async () => {
    await provision({ fleet: 'other', out: 'other' });
    const changes = registry.changes.length;
    await expect(provision()).rejects.toThrow('thing pump-01 belongs to fleet other, not to rig');
    expect(audit.events.at(-1)).toMatchObject({ target: 'pump-01', outcome: 'refused', reason: 'foreign-thing' });
    registry.things.set('lamp', { name: 'lamp', attributes: {} });
    await expect(provision({ node: 'lamp', out: 'lamp' })).rejects.toThrow('something else than Headwater');
    expect(registry.changes).toHaveLength(changes);
  });

  test("another node's folder is not written over", async () => {
    await provision({ node: 'pump-02' });
    await expect(provision()).rejects.toThrow(/holds the credentials of pump-02/);
  });

  test('a fleet that is not deployed: nothing is begun', async () => {
    await expect(provision({ fleet: 'nowhere' })).rejects.toThrow('run "headwater deploy" first');
    expect(registry.changes).toEqual([]);
  });

  test('a node that moved changes its site and its group', async () => {
    await provision();
    await provision({ site: 'shore' });
    expect(registry.things.get('pump-01')?.attributes).toEqual({ fleet: 'rig', site: 'shore' });
    expect([...registry.memberships.get('pump-01')!]).toEqual(['headwater:rig:shore']);
    expect(registry.certificates.size).toBe(1);
  });

  test('a folder of another account gets a certificate of this one', async () => {
    await provision();
    registry = await createDeployedRegistry({ rig: ['deck'] });
    ports = { ...ports, registry };
    const { steps } = await provision();
    expect(steps).toContain('certificate made');
    const [certificate] = registry.certificates.values();
    expect(await readFile(path('out', 'node.crt'), 'utf8')).toBe(certificate!.pem);
  });

  test('a second key under one name is told', async () => {
    const first = await provision();
    await rm(path('out'), { recursive: true });
    expect((await provision()).otherCertificates).toEqual([first.certificateId]);
  });
});

describe('provision revoke', () => {
  test('the certificate is revoked and detached, the thing stays; the key is not let in again', async () => {
    const { certificateId } = await provision();
    const { fleet, arns } = await certificatesToRevoke(ports, 'pump-01');
    expect({ fleet, arns }).toEqual({ fleet: 'rig', arns: [registry.certificates.get(certificateId)!.arn] });
    registry.changes.length = 0;
    await revokeCertificate(ports, 'pump-01', arns[0]!);
    expect(registry.changes).toEqual(['revoke', 'detachPolicy', 'detachFromThing']);
    expect(registry.certificates.get(certificateId)!.status).toBe('REVOKED');
    expect(await certificatesToRevoke(ports, 'pump-01')).toEqual({ fleet: 'rig', arns: [] });
    expect(audit.events.slice(-3).map(({ action, target }) => `${action} ${target}`)).toEqual([
      `revoke-certificate pump-01 ${certificateId}`,
      `detach-policy pump-01 ${certificateId}`,
      `detach-certificate pump-01 ${certificateId}`,
    ]);
    await expect(provision()).rejects.toThrow(`certificate ${certificateId} for the key of pump-01 is REVOKED`);
    expect((await provision({ out: 'new' })).certificateId).not.toBe(certificateId);
  });

  test('cut off after any of its calls, the next run finishes it', async () => {
    for (let cut = 1; cut < 3; cut++) {
      const node = `cut-${cut}`;
      const { certificateId } = await provision({ node, out: node });
      const arn = registry.certificates.get(certificateId)!.arn;
      const before = registry.changes.length;
      registry.beforeChange = () => {
        if (registry.changes.length - before === cut) throw new RegistryError('throttled', 'cut off');
      };
      await expect(revokeCertificate(ports, node, arn)).rejects.toThrow('cut off');
      registry.beforeChange = () => {};
      const [left] = (await certificatesToRevoke(ports, node)).arns;
      await revokeCertificate(ports, node, left!);
      expect(registry.certificates.get(certificateId)!.status).toBe('REVOKED');
      expect([...registry.attached.get(arn)!, ...registry.principals.get(node)!]).toEqual([]);
    }
  });

  test('what Headwater did not register is left alone', async () => {
    registry.things.set('lamp', { name: 'lamp', attributes: {} });
    await expect(certificatesToRevoke(ports, 'lamp')).rejects.toThrow('something else than Headwater');
    await provision();
    await expect(certificatesToRevoke(ports, 'pump-01', 'other')).rejects.toThrow('belongs to fleet rig, not to other');
    expect(await certificatesToRevoke(ports, 'pump-01', 'rig')).toMatchObject({ fleet: 'rig' });
    await expect(certificatesToRevoke(ports, 'nobody')).rejects.toThrow('no thing nobody');
  });
});

test('provision list: every state, with and without the fleet file', async () => {
  await provision();
  await provision({ node: 'pump-02', out: 'two' });
  await provision({ node: 'gone', out: 'gone' });
  await provision({ node: 'elsewhere', fleet: 'other', out: 'elsewhere' });
  const { certificateId } = await provision({ node: 'pump-03', out: 'three' });
  await registry.revoke(certificateId);
  const [arn] = (await certificatesToRevoke(ports, 'pump-02')).arns;
  await revokeCertificate(ports, 'pump-02', arn!);
  const sites = new Map(['pump-01', 'pump-02', 'pump-03', 'pump-04'].map((node) => [node, 'deck']));
  const states = async (expected: Parameters<typeof listDevices>[1]) =>
    (await listDevices(registry, expected)).map(({ fleet, node, state }) => `${fleet} ${node} ${state}`);
  expect(await states({ fleet: 'rig', sites })).toEqual([
    'rig gone not-in-fleet',
    'rig pump-01 provisioned',
    'rig pump-02 no-certificate',
    'rig pump-03 inactive',
    'rig pump-04 missing',
  ]);
  expect(await states(undefined)).toEqual([
    'other elsewhere provisioned',
    'rig gone provisioned',
    'rig pump-01 provisioned',
    'rig pump-02 no-certificate',
    'rig pump-03 inactive',
  ]);
});
