import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { IClientOptions, MqttClient } from 'mqtt';
import { issueCertificate, openAuthority } from '../../../adapters/embedded/certificate-authority.ts';
import type { TlsMaterial } from '../../../adapters/embedded/key-pair.ts';
import { systemClock } from '../../../adapters/embedded/system-clock.ts';
import type { BrokerRefusal } from '../../../adapters/mqtt/admission.ts';
import { createBroker } from '../../../adapters/mqtt/broker.ts';
import type { IngestMessage } from '../../../lambdas/ingest/env.ts';
import { createHubRig, type HubRig, ingestNothing, until } from '../../helpers/hub-rig.ts';
import { closed, createMqttClients } from '../../helpers/mqtt-client.ts';

let rig: HubRig;
let other: HubRig;
const ingested: IngestMessage[] = [];
const clients = createMqttClients(() => rig.port);

beforeAll(async () => {
  const ingest = async (messages: readonly IngestMessage[]) => {
    ingested.push(...messages);
    return { answers: [], failed: [] };
  };
  rig = await createHubRig({ nodes: ['n-1', 'n-2'], strangers: ['stranger'], ingest });
  other = await createHubRig({ nodes: ['n-1'] });
});
afterAll(async () => {
  await Promise.all(clients.take().map((client) => client.endAsync(true)));
  await rig.dispose();
  await other.dispose();
});

const refusals = (reason: BrokerRefusal) => rig.broker().status().refusals[reason];

/** Runs it and expects exactly so many refusals more, each told in the audit under the given name. */
async function expectRefused(reason: BrokerRefusal, run: () => Promise<unknown>, actor?: string, count = 1) {
  const before = rig.broker().status().refusals;
  const messagesBefore = ingested.length;
  await run();
  await until(`refused as ${reason}`, () => refusals(reason) >= before[reason] + count);
  expect(rig.broker().status().refusals).toEqual({ ...before, [reason]: before[reason] + count });
  expect(ingested).toHaveLength(messagesBefore);
  const told = rig.audit.events.filter((event) => event.outcome === 'refused' && event.reason?.startsWith(reason));
  expect(told.length).toBeGreaterThan(0);
  if (actor) expect(told.map((event) => event.actor)).toContain(actor);
  expect(rig.logger.lines.some(({ fields }) => (fields as { reason?: string }).reason === reason)).toBe(true);
}

const dial = (tls: Partial<TlsMaterial>, options: IClientOptions = {}): MqttClient =>
  clients.dial(tls, { clientId: 'n-1', ...options });
const connected = async (node = 'n-1', options: IClientOptions = {}): Promise<MqttClient> =>
  clients.connected(await rig.credentialsOf(node), { clientId: node, ...options });

function sendRaw(tls: TlsMaterial, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port: rig.port, ...tls }, () => socket.write(bytes));
    socket.on('error', () => {});
    socket.resume();
    socket.on('close', () => resolve());
  });
}

async function certificateFor(name: string, madeMs: number): Promise<TlsMaterial> {
  const [key, cert] = await Promise.all(
    ['ca.key', 'ca.crt'].map((file) => readFile(join(rig.directory, file), 'utf8')),
  );
  const authority = await openAuthority({ key: key!, cert: cert! });
  return { ca: cert!, ...(await issueCertificate(authority, { role: 'node', name }, madeMs)) };
}

describe('what one may cost the others', () => {
  test('silent connections are refused beyond their number, and a node gets in again once they time out', async () => {
    const sockets: ReturnType<typeof connectTcp>[] = [];
    const allowed = 2 + 32; // nodes of the rig, and the spare ones of this machine
    await expectRefused(
      'too-many-handshakes',
      async () => {
        for (let count = 0; count < allowed + 5; count++) {
          const socket = connectTcp(rig.port, '127.0.0.1');
          socket.on('error', () => {});
          sockets.push(socket);
        }
      },
      '127.0.0.1',
      5,
    );
    for (const socket of sockets) socket.destroy();
    await until('room again', () => sockets.every(({ closed: gone }) => gone));
    const client = await connected();
    await client.endAsync();
  });

  test('a node whose messages are put aside by the hundred is cut off, and may come back', async () => {
    const hub = await createHubRig({
      nodes: ['n-1'],
      ingest: async (messages) => ({ answers: [], failed: [], putAside: [...messages.keys()] }),
    });
    const uplink = await hub.uplink('n-1');
    let links = 0;
    uplink.onLink((up) => {
      if (up) links += 1;
    });
    await until('connected', () => links === 1);
    const sent = await Promise.allSettled(Array.from({ length: 101 }, () => uplink.send('bulk', Buffer.from('noise'))));
    expect(sent.some(({ status }) => status === 'rejected')).toBe(true);
    expect(hub.broker().status().refusals['poison-flood']).toBe(1);
    expect(hub.audit.events.some(({ actor, reason }) => actor === 'n-1' && reason === 'poison-flood')).toBe(true);
    await until('back', () => links === 2);
    await hub.dispose();
  });
});

describe('who is let in', () => {
  test('a certificate of another authority', async () => {
    const foreign = { ...(await other.credentialsOf('n-1')), ca: rig.hubTls.ca };
    await expectRefused('foreign-certificate', () => closed(dial(foreign)), '127.0.0.1');
  });

  test("the certificate of a hub in place of a node's", () =>
    expectRefused('foreign-certificate', () => closed(dial(rig.hubTls))));

  test('no certificate', () => expectRefused('no-certificate', () => closed(dial({ ca: rig.hubTls.ca })), '127.0.0.1'));

  test('a certificate that has expired, and one that is not valid yet', async () => {
    const yearMs = 365 * 86_400_000;
    const expired = await certificateFor('n-1', Date.now() - 2 * yearMs);
    const early = await certificateFor('n-1', Date.now() + yearMs);
    await expectRefused(
      'expired-certificate',
      () => Promise.all([expired, early].map((tls) => closed(dial(tls)))),
      undefined,
      2,
    );
  });

  test("a client id that is not the certificate's", async () => {
    const tls = await rig.credentialsOf('n-1');
    await expectRefused('wrong-client-id', () => closed(dial(tls, { clientId: 'n-2' })), 'n-1');
  });

  test('a certificate of ours that names no node of the fleet', async () => {
    const tls = await rig.credentialsOf('stranger');
    await expectRefused('unknown-node', () => closed(dial(tls, { clientId: 'stranger' })), 'stranger');
  });

  test('a will, a persistent session, no keepalive', async () => {
    const tls = await rig.credentialsOf('n-1');
    const will = { topic: 'headwater/n-1/bulk', payload: Buffer.from('bye'), qos: 0 as const, retain: false };
    const unwanted: IClientOptions[] = [{ will }, { clean: false }, { keepalive: 0 }];
    await expectRefused(
      'unwanted-option',
      () => Promise.all(unwanted.map((options) => closed(dial(tls, options)))),
      'n-1',
      3,
    );
  });

  test('garbage, plain MQTT and HTTP on the TLS port', async () => {
    const texts = [
      Buffer.alloc(300, 0xa5),
      Buffer.from('100e00044d515454040200000002', 'hex'),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    ];
    const send = (bytes: Buffer) =>
      new Promise<void>((resolve) => {
        const socket = connectTcp(rig.port, '127.0.0.1', () => socket.write(bytes));
        socket.on('error', () => {});
        socket.resume();
        socket.on('close', () => resolve());
      });
    await expectRefused('tls-failed', () => Promise.all(texts.map(send)), '127.0.0.1', 3);
  });

  test('garbage within TLS', async () => {
    const tls = await rig.credentialsOf('n-1');
    await expectRefused('protocol-error', () => sendRaw(tls, Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'n-1');
  });

  test('the same name a second time takes over', async () => {
    const first = await connected('n-2');
    const second = dial(await rig.credentialsOf('n-2'), { clientId: 'n-2' });
    await Promise.all([closed(first), new Promise<void>((resolve) => second.once('connect', () => resolve()))]);
    await second.subscribeAsync('headwater/n-2/answer');
    const answer = new Promise<string>((resolve) =>
      second.once('message', (_topic, payload) => resolve(payload.toString())),
    );
    rig.broker().publishAnswer('n-2', Buffer.from('to the second'));
    expect(await answer).toBe('to the second');
    expect(rig.broker().status().clients['n-2']).toMatchObject({ connected: true, connections: 2 });
    await second.endAsync();
    await until('gone', () => rig.broker().status().clients['n-2']?.connected === false);
  });
});

describe('what a node may say and hear', () => {
  test.each(['headwater/n-2/bulk', 'headwater/n-1/answer', 'headwater/n-1', 'headwater/n-1/bulk/x', '$SYS/x', 'x'])(
    'publishing to %s ends the connection',
    async (topic) => {
      const client = await connected();
      const sent = client.publishAsync(topic, 'x', { qos: 1 }).catch(() => 'not acknowledged');
      await expectRefused('publish-topic-not-its-own', () => closed(client), 'n-1');
      await client.endAsync(true);
      expect(await sent).toBe('not acknowledged');
    },
  );

  test.each([
    '#',
    '+',
    '$SYS/#',
    'headwater/#',
    'headwater/+/answer',
    'headwater/n-1/#',
    'headwater/n-2/answer',
    'headwater/n-1/bulk',
  ])('subscribing to %s is refused, and nothing of others is heard', async (topic) => {
    const client = await connected();
    const heard: string[] = [];
    client.on('message', (on) => heard.push(on));
    await expectRefused(
      'subscribe-topic-not-its-own',
      async () => {
        await expect(client.subscribeAsync(topic)).rejects.toThrow('Subscribe error'); // SUBACK 128
      },
      'n-1',
    );
    const n2 = await connected('n-2');
    await n2.subscribeAsync('headwater/n-2/answer');
    const told = new Promise((resolve) => n2.once('message', resolve));
    rig.broker().publishAnswer('n-1', Buffer.from('not listening'));
    rig.broker().publishAnswer('n-2', Buffer.from('secret'));
    await told;
    // Its own PUBACK comes after whatever was sent to it before.
    await client.publishAsync('headwater/n-1/bulk', 'after', { qos: 1 });
    expect(heard).toEqual([]);
    await Promise.all([client.endAsync(), n2.endAsync()]);
  });

  test('QoS 2 and retained messages', async () => {
    for (const options of [{ qos: 2 }, { qos: 1, retain: true }] as const) {
      const client = await connected();
      client.publish('headwater/n-1/bulk', 'x', options, () => {});
      await expectRefused('retained-or-qos-2', () => closed(client), 'n-1');
    }
  });

  test('the largest envelope passes, a packet that announces more is cut off before its body', async () => {
    const client = await connected();
    await client.publishAsync('headwater/n-1/bulk', Buffer.alloc(128 * 1024), { qos: 1 });
    expect(ingested.at(-1)?.payload.length).toBe(128 * 1024);
    await client.endAsync();
    const tls = await rig.credentialsOf('n-1');
    const announce256MiB = Buffer.from('30ffffff7f', 'hex');
    await expectRefused('payload-too-large', () => sendRaw(tls, announce256MiB), 'n-1');
  });
});

test('a port that is taken is said so, with what to do', async () => {
  const ports = { tls: rig.hubTls, ingest: ingestNothing, logger: rig.logger, audit: rig.audit };
  await expect(
    createBroker({ ...ports, clock: systemClock }, { host: '127.0.0.1', port: rig.port, nodes: new Set() }),
  ).rejects.toThrow(/port \d+: another program listens there; choose another port/);
});
