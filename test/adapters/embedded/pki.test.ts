import { createPrivateKey, X509Certificate } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadCredentials } from '../../../adapters/embedded/credentials.ts';
import { commonNameOf, isIssuedBy } from '../../../adapters/embedded/key-pair.ts';
import { openPki } from '../../../adapters/embedded/pki.ts';
import { createMemoryAudit, createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { makeTemporaryDirectory } from '../../helpers/hub-rig.ts';

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 5, 1);

let directory: string;
let remove: () => Promise<void>;
let nowMs: number;
const logger = createMemoryLogger();
const audit = createMemoryAudit();

beforeEach(async () => {
  ({ path: directory, remove } = await makeTemporaryDirectory());
  nowMs = START_MS;
  logger.lines.length = 0;
  audit.events.length = 0;
});
afterEach(() => remove());

const open = (nodes: readonly string[] = ['n-1'], host = 'hub.example') =>
  openPki({ directory, nowMs: () => nowMs, logger, audit }, { host, nodes });
const path = (...parts: string[]) => join(directory, ...parts);
const contentOf = (...parts: string[]) => readFile(path(...parts), 'utf8');
const nodeFiles = (node = 'n-1') =>
  Promise.all(['node.key', 'node.crt'].map((file) => contentOf('credentials', node, file)));

describe('first start', () => {
  test('an authority, a certificate for the hub, one a node', async () => {
    const pki = await open(['n-1', 'n-2']);
    const authority = new X509Certificate(pki.hub.ca);
    expect(authority.ca).toBe(true);
    expect(Date.parse(authority.validTo) - nowMs).toBeGreaterThan(3_650 * DAY_MS);
    const hub = new X509Certificate(pki.hub.cert);
    for (const name of ['hub.example', 'localhost']) expect(hub.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1']) expect(hub.checkIP(address)).toBe(address);
    expect(hub.checkHost('other.example')).toBeUndefined();
    for (const node of ['n-1', 'n-2']) {
      const certificate = new X509Certificate(await contentOf('credentials', node, 'node.crt'));
      expect(commonNameOf(certificate)).toBe(node);
      expect(certificate.ca).toBe(false);
      expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // clientAuth and nothing else
      expect(isIssuedBy(certificate, authority)).toBe(true);
      expect(Date.parse(certificate.validFrom)).toBe(nowMs - 3_600_000);
      expect(Date.parse(certificate.validTo)).toBe(nowMs + 365 * DAY_MS);
    }
    expect(audit.events.map(({ action, target }) => `${action} ${target}`)).toEqual(
      expect.arrayContaining(['issue-certificate hub', 'issue-certificate n-1', 'issue-certificate n-2']),
    );
  });

  test('keys are for their owner only, and no temporary file stays', async () => {
    await open();
    const modeOf = async (...parts: string[]) => ((await stat(path(...parts))).mode & 0o777).toString(8);
    if (process.platform !== 'win32') {
      expect(
        await Promise.all([modeOf('ca.key'), modeOf('hub.key'), modeOf('credentials', 'n-1', 'node.key')]),
      ).toEqual(['600', '600', '600']);
      expect(await Promise.all([modeOf('credentials'), modeOf('credentials', 'n-1')])).toEqual(['700', '700']);
    }
    expect((await readdir(directory)).sort()).toEqual(['ca.crt', 'ca.key', 'credentials', 'hub.crt', 'hub.key']);
    expect((await readdir(path('credentials', 'n-1'))).sort()).toEqual(['ca.crt', 'node.crt', 'node.key']);
  });

  test('an address as host; names that leave the folder are refused', async () => {
    const pki = await open(['n-1'], '10.1.2.3');
    expect(new X509Certificate(pki.hub.cert).checkIP('10.1.2.3')).toBe('10.1.2.3');
    await expect(open(['../n-1'])).rejects.toThrow('node name "../n-1"');
  });
});

describe('later starts', () => {
  test('everything stays as it is', async () => {
    const first = await open();
    const files = await nodeFiles();
    nowMs += 300 * DAY_MS;
    expect((await open()).hub).toEqual(first.hub);
    expect(await nodeFiles()).toEqual(files);
  });

  test('within 30 days of their end certificates are made again, the authority stays', async () => {
    const first = await open();
    const files = await nodeFiles();
    nowMs += 336 * DAY_MS;
    const second = await open();
    expect(second.hub.ca).toBe(first.hub.ca);
    expect(second.hub.cert).not.toBe(first.hub.cert);
    expect(await nodeFiles()).not.toEqual(files);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([{ fields: { node: 'n-1' } }]);
  });

  test('another host name: a new certificate for the hub alone', async () => {
    const first = await open();
    const files = await nodeFiles();
    const second = await open(['n-1'], 'new.example');
    expect(second.hub.cert).not.toBe(first.hub.cert);
    expect(new X509Certificate(second.hub.cert).checkHost('new.example')).toBe('new.example');
    expect(await nodeFiles()).toEqual(files);
  });

  test.each(['hub.key', 'hub.crt', 'credentials/n-1/node.key', 'credentials/n-1/node.crt', 'credentials/n-1/ca.crt'])(
    '%s half-written, lost or of another pair is made again',
    async (file) => {
      const pki = await open(['n-1', 'n-2']);
      const half = (await contentOf(file)).slice(0, 100);
      const other = await contentOf(file.endsWith('key') ? 'credentials/n-2/node.key' : 'credentials/n-2/node.crt');
      for (const content of [half, other, undefined]) {
        await (content === undefined ? rm(path(file)) : writeFile(path(file), content));
        const { hub } = await open(['n-1', 'n-2']);
        expect(hub.ca).toBe(pki.hub.ca);
        expect(new X509Certificate(hub.cert).checkPrivateKey(createPrivateKey(hub.key))).toBe(true);
        expect(await loadCredentials(pki.credentialsOf('n-1'), nowMs)).toMatchObject({
          ok: true,
          credentials: { node: 'n-1' },
        });
      }
    },
  );
});

describe('the authority is never silently replaced', () => {
  test('a key that is missing, unreadable or of another pair is an error, and nothing is written', async () => {
    await open();
    const otherKey = await contentOf('hub.key');
    const cert = await contentOf('ca.crt');
    for (const [content, message] of [
      [undefined, /ca\.key is missing: restore it from a backup/],
      ['-----BEGIN PRIVATE', /ca\.key .*not readable PEM/],
      [otherKey, /does not belong to the certificate/],
    ] as const) {
      await (content === undefined ? rm(path('ca.key')) : writeFile(path('ca.key'), content));
      await expect(open()).rejects.toThrow(message);
      expect(await contentOf('ca.crt')).toBe(cert);
    }
  });

  test('a broken key without a certificate is an error too', async () => {
    await open();
    await rm(path('ca.crt'));
    await writeFile(path('ca.key'), 'broken');
    await expect(open()).rejects.toThrow(/ca\.key is not a readable P-256 private key/);
  });

  test('a crash between its key and its certificate, or a lost certificate: made again from the key, nobody is cut off', async () => {
    const first = await open();
    const files = await nodeFiles();
    await rm(path('ca.crt'));
    const second = await open();
    expect(second.hub.ca).not.toBe(first.hub.ca);
    expect(second.hub.cert).toBe(first.hub.cert);
    expect(await nodeFiles()).toEqual(files);
    for (const ca of [first.hub.ca, second.hub.ca]) {
      expect(isIssuedBy(new X509Certificate(files[1]!), new X509Certificate(ca))).toBe(true);
    }
  });

  test('put in place of another by the operator it issues everything anew', async () => {
    const first = await open();
    const other = await makeTemporaryDirectory();
    const foreign = await openPki(
      { directory: other.path, nowMs: () => nowMs, logger, audit },
      { host: 'x', nodes: [] },
    );
    for (const file of ['ca.key', 'ca.crt']) await copyFile(join(other.path, file), path(file));
    await other.remove();
    const second = await open();
    expect(second.hub.ca).toBe(foreign.hub.ca);
    expect(second.hub.cert).not.toBe(first.hub.cert);
    expect(await loadCredentials(path('credentials', 'n-1'), nowMs)).toMatchObject({ ok: true });
  });

  test('it is renewed from its key long before its end', async () => {
    const first = await open();
    nowMs += 3_000 * DAY_MS;
    const second = await open();
    expect(second.hub.ca).not.toBe(first.hub.ca);
    expect(new X509Certificate(second.hub.ca).publicKey.equals(new X509Certificate(first.hub.ca).publicKey)).toBe(true);
  });
});

describe('credentials at the node', () => {
  const folder = () => path('credentials', 'n-1');

  test('good ones', async () => {
    await open();
    const loaded = await loadCredentials(folder(), nowMs);
    expect(loaded).toMatchObject({ ok: true, credentials: { node: 'n-1', validToMs: START_MS + 365 * DAY_MS } });
  });

  test.each(['ca.crt', 'node.crt', 'node.key'])('%s missing', async (file) => {
    await open();
    await rm(join(folder(), file));
    const detail = expect.stringContaining(`${join(folder(), file)} does not exist`);
    expect(await loadCredentials(folder(), nowMs)).toEqual({ ok: false, reason: 'missing-file', detail });
  });

  test('broken, of another pair, of another authority', async () => {
    await open(['n-1', 'n-2']);
    await writeFile(join(folder(), 'ca.crt'), 'x');
    expect(await loadCredentials(folder(), nowMs)).toMatchObject({ ok: false, reason: 'unreadable' });
    await writeFile(join(folder(), 'ca.crt'), await contentOf('credentials/n-2/node.crt'));
    expect(await loadCredentials(folder(), nowMs)).toMatchObject({ ok: false, reason: 'foreign-certificate' });
    await open(['n-1', 'n-2']);
    await writeFile(join(folder(), 'node.key'), await contentOf('credentials/n-2/node.key'));
    expect(await loadCredentials(folder(), nowMs)).toMatchObject({ ok: false, reason: 'not-matching' });
  });

  test('dates are judged by the clock, and both are shown', async () => {
    await open();
    expect(await loadCredentials(folder(), START_MS + 366 * DAY_MS)).toEqual({
      ok: false,
      reason: 'expired',
      detail: expect.stringMatching(/from 2026-05-31T23:00:00.000Z to 2027-06-01.*clock says 2027-06-02T00:00:00.000Z/),
    });
    expect(await loadCredentials(folder(), 0)).toMatchObject({
      ok: false,
      reason: 'not-yet-valid',
      detail: expect.stringContaining('clock says 1970-01-01T00:00:00.000Z: set the clock'),
    });
  });

  test('a file that may not be read', async () => {
    await open();
    await rm(join(folder(), 'node.key'));
    await mkdir(join(folder(), 'node.key')); // unreadable as a file for every user, root too
    expect(await loadCredentials(folder(), nowMs)).toMatchObject({ ok: false, reason: 'unreadable' });
  });
});
