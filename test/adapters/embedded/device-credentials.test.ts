import { X509Certificate } from 'node:crypto';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { amazonRoots } from '../../../adapters/embedded/amazon-roots.ts';
import { createKey, requestCertificate } from '../../../adapters/embedded/certificate-request.ts';
import { loadDeviceCredentials, parseRoots } from '../../../adapters/embedded/device-credentials.ts';
import { uplinkText } from '../../../adapters/embedded/uplink-file.ts';
import { createCloudSigner } from '../../helpers/device-certificates.ts';
import { makeTemporaryDirectory } from '../../helpers/hub-rig.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 5, 1);
const NOTE = { type: 'iot-core' as const, endpoint: 'x-ats.iot.eu-central-1.amazonaws.com', port: 8883, fleet: 'rig' };

let folder: { path: string; remove: () => Promise<void> };
beforeEach(async () => {
  folder = await makeTemporaryDirectory();
});
afterEach(() => folder.remove());

const path = (name: string) => join(folder.path, name);
const load = (nowMs = NOW_MS) => loadDeviceCredentials(folder.path, { node: 'pump-01', fleet: 'rig' }, nowMs);

/** A folder as `provision device` makes it. */
async function fill(given: { subject?: string; from?: number; to?: number } = {}): Promise<string> {
  const key = await createKey();
  const validity = { from: new Date(given.from ?? NOW_MS - DAY_MS), to: new Date(given.to ?? NOW_MS + DAY_MS) };
  const { pem } = await (await createCloudSigner(validity))(await requestCertificate(key, given.subject ?? 'pump-01'));
  await writeFile(path('node.key'), key, { mode: 0o600 });
  await writeFile(path('node.crt'), pem);
  await writeFile(path('ca.crt'), amazonRoots());
  await writeFile(path('uplink.json'), uplinkText(NOTE));
  return key;
}

test('a certificate that ca.crt did not issue is what IoT Core devices have', async () => {
  const key = await fill();
  expect(await load()).toMatchObject({ ok: true, credentials: { tls: { key, ca: amazonRoots() }, note: NOTE } });
});

test('uplink.json may be missing: the endpoint may stand elsewhere', async () => {
  await fill();
  await rm(path('uplink.json'));
  expect(await load()).toMatchObject({ ok: true, credentials: { note: undefined } });
});

test('a certificate whose key IoT Core made names nobody, and is taken', async () => {
  await fill({ subject: 'AWS IoT Certificate' });
  expect(await load()).toMatchObject({ ok: true });
});

test.each<[string, RegExp, () => Promise<unknown>]>([
  ['missing-file', /node\.key does not exist: run "headwater provision device"/, () => rm(path('node.key'))],
  ['not-private', /node\.key has mode 640, allowed is 600: run "chmod 600/, () => chmod(path('node.key'), 0o640)],
  ['not-matching', /node\.key and .*does not belong/, async () => writeFile(path('node.key'), await createKey())],
  ['unreadable', /ca\.crt holds no readable PEM/, () => writeFile(path('ca.crt'), 'roots')],
  ['unreadable', /node\.crt is not a readable PEM/, () => writeFile(path('node.crt'), 'certificate')],
  ['unreadable', /uplink\.json cannot be used/, () => writeFile(path('uplink.json'), '{"type":"iot-core"}')],
  ['unreadable', /uplink\.json cannot be used/, () => writeFile(path('uplink.json'), 'x')],
  ['another-node', /node\.crt is made out to pump-02, this node is pump-01/, () => fill({ subject: 'pump-02' })],
  ['expired', /node\.crt is valid .*provision the node again/, () => fill({ to: NOW_MS - 1_000 })],
  ['not-yet-valid', /node\.crt is valid .*set the clock/, () => fill({ from: NOW_MS + 1_000 })],
  [
    'another-fleet',
    /holds credentials for fleet yard, the fleet file says rig/,
    () => writeFile(path('uplink.json'), uplinkText({ ...NOTE, fleet: 'yard' })),
  ],
])('%s: says %s', async (reason, detail, spoil) => {
  await fill();
  await spoil();
  expect(await load()).toEqual({ ok: false, reason, detail: expect.stringMatching(detail) });
});

test('no root is valid by this clock', async () => {
  await fill({ from: 0, to: Date.UTC(2100, 0, 1) });
  expect(await load(Date.UTC(2001, 0, 1))).toMatchObject({
    reason: 'not-yet-valid',
    detail: expect.stringContaining('ca.crt'),
  });
});

test('the Amazon roots are the four, each certified by itself', () => {
  const roots = parseRoots(amazonRoots())!;
  expect(roots.map((root) => root.subject.split('CN=')[1]).sort()).toEqual(
    [1, 2, 3, 4].map((number) => `Amazon Root CA ${number}`),
  );
  for (const root of roots) expect(root.verify(new X509Certificate(root.raw).publicKey)).toBe(true);
});
