import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { IClientOptions, MqttClient } from 'mqtt';
import { until } from '../../../helpers/hub-rig.ts';
import { createListenRig, listenPlan } from '../../../helpers/listen-rig.ts';
import { closed, createMqttClients } from '../../../helpers/mqtt-client.ts';

let rig: Awaited<ReturnType<typeof createListenRig>>;
const clients = createMqttClients(() => rig.port);
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  const source = { maxInFlight: 8, maxPayload: '1KiB', maxRate: 100_000, gateways: { gw: ['pump-*'] } };
  const port = { maxInFlight: 8, maxPayload: '1KiB', maxRate: 100_000 };
  rig = await createListenRig(
    [
      listenPlan({ level: {} }, source, { name: 'pump', count: 2 }),
      listenPlan({ flow: {} }, { ...port, topic: 'fans/{device}/{stream}' }, { name: 'fan' }),
    ],
    { strangers: ['stranger'] },
  );
});
afterEach(async () => {
  await Promise.all(clients.take().map((client) => client.endAsync(true)));
  for (const socket of sockets.splice(0)) socket.destroy();
  rig.answering('committed');
  rig.offers.length = 0;
});
afterAll(() => rig.dispose());

const dial = async (name: string, options: IClientOptions = {}): Promise<MqttClient> =>
  clients.dial(await rig.credentialsOf(name), { clientId: name, clean: false, ...options });
const connected = async (name: string, options: IClientOptions = {}): Promise<MqttClient> =>
  clients.connected(await rig.credentialsOf(name), { clientId: name, clean: false, ...options });
const publish = (client: MqttClient, topic: string, payload = '5', qos: 0 | 1 | 2 = 1) =>
  client.publishAsync(topic, payload, { qos });

/** A CONNECT packet and whatever follows it, byte by byte as a device might send them. */
async function rawDevice(name: string, clean = false): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: rig.port, ...(await rig.credentialsOf(name)) });
  sockets.push(socket);
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  const id = Buffer.from(name);
  const body = Buffer.concat([
    Buffer.from([0, 4]),
    Buffer.from('MQTT'),
    Buffer.from([4, clean ? 2 : 0, 0, 60, 0, id.length]),
    id,
  ]);
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  const connack = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  expect([...connack]).toEqual([0x20, 2, 0, 0]);
  return socket;
}
function publishPacket(topic: string, packetId: number, payload: string, dup = false): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([0, name.length]),
    name,
    Buffer.from([packetId >> 8, packetId & 255]),
    Buffer.from(payload),
  ]);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([dup ? 0x3a : 0x32, ...length]), body]);
}
const PUBACK = (packetId: number): number[] => [0x40, 2, packetId >> 8, packetId & 255];

describe('what is acknowledged', () => {
  test('a message is acknowledged when its fate is durable: kept, or refused for good', async () => {
    rig.answering(undefined);
    const client = await connected('pump-001');
    const acknowledged: string[] = [];
    const sent = ['5', 'rubbish'].map((payload) =>
      publish(client, 'pump-001/level', payload).then(() => acknowledged.push(payload)),
    );
    await until('both are offered', () => rig.offers.length === 2);
    expect(acknowledged).toEqual([]);
    // Acknowledgements keep the order of the messages: the second waits for the first, whatever its own fate.
    rig.offers[1]!.answer('committed');
    rig.offers[0]!.answer('committed');
    await Promise.all(sent);
    expect(acknowledged).toEqual(['5', 'rubbish']);
    expect(rig.readings()).toEqual([['pump-001', 'level', 5]]);
    expect(rig.refused()).toEqual(['unparsable']);
  });

  test('each group of the port gets what is its own, and others are refused, without harm to the broker', async () => {
    const [pump, fan, gateway] = [await connected('pump-001'), await connected('fan'), await connected('gw')];
    await publish(pump, 'pump-001/level');
    await publish(fan, 'fans/fan/flow', '6');
    await publish(gateway, 'pump-002/level', '7');
    expect(rig.readings()).toEqual([
      ['pump-001', 'level', 5],
      ['fan', 'flow', 6],
      ['pump-002', 'level', 7],
    ]);
    await publish(pump, 'pump-002/level');
    await publish(pump, 'elsewhere');
    // Would make aedes close the connection of that client, if it were let through.
    await publish(pump, '$SYS/evil/new/clients', 'fan');
    expect(rig.refused()).toEqual(['not-its-own', 'unknown-topic', 'unknown-topic']);
    expect(rig.offers.map(({ source }) => source)).toEqual(['pump', 'fan', 'pump', 'pump', 'pump', 'pump']);
    await publish(fan, 'fans/fan/flow', '8');
    expect(fan.connected).toBe(true);
  });

  test('QoS 0 is taken; QoS 2 is received only when its fate is durable', async () => {
    rig.answering(undefined);
    const client = await connected('pump-001');
    await publish(client, 'pump-001/level', '1', 0);
    let received = false;
    const exact = publish(client, 'pump-001/level', '2', 2).then(() => {
      received = true;
    });
    await until('both are offered', () => rig.offers.length === 2);
    expect(rig.offers.map(({ batch }) => batch.state !== undefined)).toEqual([false, true]);
    await publish(await connected('fan'), 'fans/fan/flow', '3', 0);
    await until('another device is heard meanwhile', () => rig.offers.length === 3);
    expect(received).toBe(false);
    for (const { answer } of rig.offers) answer('committed');
    await exact;
  });

  test('a will counts as a message; nothing is retained, and nobody may subscribe', async () => {
    const client = await connected('pump-001', {
      will: { topic: 'pump-001/level', payload: Buffer.from('0'), qos: 1, retain: true },
    });
    await client.publishAsync('pump-001/level', '1', { qos: 1, retain: true });
    await expect(client.subscribeAsync('#')).rejects.toThrow();
    expect(rig.refusals('subscribe-not-offered')).toBe(1);
    (client.stream as TLSSocket).destroy();
    await until('the will is offered', () => rig.readings().length === 2);
    expect(rig.readings()[1]).toEqual(['pump-001', 'level', 0]);
  });
});

describe('what is sent again', () => {
  test('is acknowledged and makes no second reading: flagged, unflagged in a kept session, after a restart', async () => {
    const first = await rawDevice('pump-001');
    const acks = [new Promise<Buffer>((resolve) => first.once('data', resolve))];
    first.write(publishPacket('pump-001/level', 300, '5'));
    expect([...(await acks[0]!)]).toEqual(PUBACK(300));
    first.destroy();
    for (const [restart, dup] of [
      [false, true],
      [false, false],
      [true, true],
      [true, false],
    ] as const) {
      if (restart) await rig.restart();
      const again = await rawDevice('pump-001');
      again.write(publishPacket('pump-001/level', 300, '5', dup));
      expect([...(await new Promise<Buffer>((resolve) => again.once('data', resolve)))]).toEqual(PUBACK(300));
      again.destroy();
    }
    expect(rig.readings()).toHaveLength(1);
    const fresh = await rawDevice('pump-001', true);
    fresh.write(publishPacket('pump-001/level', 300, '5'));
    await new Promise<Buffer>((resolve) => fresh.once('data', resolve));
    expect(rig.readings()).toHaveLength(2); // a clean session, and not flagged
  });

  test('while the first has no fate yet it is not offered again, and both are acknowledged with it', async () => {
    rig.answering(undefined);
    const first = await rawDevice('pump-001');
    first.write(publishPacket('pump-001/level', 400, '7'));
    await until('it is offered', () => rig.offers.length === 1);
    const second = await rawDevice('pump-001');
    second.write(publishPacket('pump-001/level', 400, '7', true));
    second.write(publishPacket('pump-001/level', 401, '8'));
    await until('what follows is offered', () => rig.offers.length === 2);
    const data: number[] = [];
    second.on('data', (chunk: Buffer) => data.push(...chunk));
    for (const { answer } of rig.offers) answer('committed');
    await until('both are acknowledged', () => data.length === 8);
    expect(rig.readings().map(([, , value]) => value)).toEqual([7, 8]);
  });
});

describe('what one device may cost the others', () => {
  test('one that does not wait is not read beyond its window while the journal takes nothing; all is taken later', async () => {
    rig.answering(undefined);
    const flood = await rawDevice('pump-001');
    const messages = 3_000;
    const packets = Array.from({ length: messages }, (_, at) =>
      publishPacket('pump-001/level', at + 1, 'x'.repeat(500)),
    );
    let acks = 0;
    flood.on('data', (chunk: Buffer) => {
      acks += chunk.length / 4;
    });
    for (const packet of packets) flood.write(packet);
    const other = await connected('fan');
    const sent = publish(other, 'fans/fan/flow', '1');
    await until('the other is offered', () => rig.offers.some(({ source }) => source === 'fan'));
    await publish(await connected('gw'), 'pump-002/level', '2', 0);
    // One read of 16 KiB holds at most 32 of them; the window closes within the second.
    expect(rig.offers.length).toBeLessThan(8 + 2 * 32 + 2);
    expect(rig.refusals('too-many-in-flight')).toBeGreaterThan(0);
    rig.answering('committed');
    for (const { answer } of rig.offers.slice()) answer('committed');
    await sent;
    await until('all are acknowledged', () => acks === messages, 30_000);
    expect(rig.refused()).toHaveLength(messages);
  });

  test('one that sends more in a message than allowed, or no MQTT at all, is cut off', async () => {
    const large = await connected('pump-001');
    const cut = closed(large);
    large.publish('pump-001/level', 'x'.repeat(3_000), { qos: 1 });
    await cut;
    expect(rig.refusals('payload-too-large')).toBe(1);
    const rubbish = await rawDevice('pump-002');
    rubbish.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await new Promise<void>((resolve) => rubbish.once('close', () => resolve()));
    await publish(await connected('fan'), 'fans/fan/flow');
  });

  test('silent connections are refused beyond their number', async () => {
    const silent = Array.from({ length: 4 + 32 + 3 }, () => connectTcp(rig.port, '127.0.0.1').on('error', () => {}));
    await until('refused', () => rig.refusals('too-many-handshakes') > 0);
    for (const socket of silent) socket.destroy();
    await until('room again', () => silent.every(({ closed: gone }) => gone));
    await publish(await connected('fan'), 'fans/fan/flow');
  });
});

describe('who is let in', () => {
  test.each([
    ['a name that is no device', 'stranger', {}, 'unknown-client'],
    ["another's client id", 'pump-001', { clientId: 'fan' }, 'wrong-client-id'],
  ])('not %s', async (_what, name, options, reason) => {
    await closed(await dial(name, options));
    expect(rig.refusals(reason)).toBe(1);
    expect(rig.audit.events.some((event) => event.target === 'listener' && event.reason === reason)).toBe(true);
  });
});
