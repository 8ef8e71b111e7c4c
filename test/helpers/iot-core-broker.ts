import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';
import { ruleNameOf } from '../../core/cloud-names.ts';
import { hopOf, topicOf } from '../../core/flow.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';
import { ingestNothing } from './hub-rig.ts';

/** What was seen of a client's CONNECT. */
export interface SeenConnect {
  clientId: string;
  protocolVersion: number;
  keepaliveS: number;
  clean: boolean;
  servername: string | false;
  alpn: string | false | null;
}

/** IoT Core as far as a node meets it: mutual TLS, Basic Ingest topics of one fleet, answers, closing without a word. */
export interface IotCoreBroker {
  port: number;
  connects: SeenConnect[];
  /** Topics published to, in order. */
  topics: string[];
  stop(): Promise<void>;
  start(): Promise<void>;
  publishAnswer(node: string, payload: Uint8Array): void;
}

export interface IotCoreBrokerConfig {
  tls: TlsMaterial;
  fleet: string;
  ingest?: Ingest;
  /** The policy: false = closed, without a CONNACK, SUBACK or PUBACK, as IoT Core does. */
  allows?: { connect?: boolean; subscribe?: boolean; publish?: boolean };
  /** TLS is closed right after the handshake, as for a certificate that is not active. */
  certificatesInactive?: boolean;
  /** No PUBACK, ever: what a publish over a quota meets. */
  silent?: boolean;
}

export async function startIotCoreBroker(config: IotCoreBrokerConfig): Promise<IotCoreBroker> {
  const { fleet, ingest = ingestNothing, allows = {} } = config;
  const prefixes = (['critical', 'bulk'] as const).map((traffic) => `$aws/rules/${ruleNameOf(fleet, traffic)}/`);
  let stop = async (): Promise<void> => {};
  const clients = new Map<string, Client>();
  const broker: IotCoreBroker = {
    port: 0,
    connects: [],
    topics: [],
    stop: () => stop(),
    start,
    publishAnswer(node, payload) {
      const packet = { cmd: 'publish', topic: topicOf('answer', node), payload: Buffer.from(payload), qos: 0 };
      clients.get(node)?.publish({ ...packet, retain: false, dup: false } as PublishPacket, () => {});
    },
  };

  async function start(): Promise<void> {
    const sockets = new Set<TLSSocket>();
    const aedes = await Aedes.createBroker({
      preConnect: (client, packet, done) => {
        const socket = client.conn as TLSSocket & { servername?: string | false };
        broker.connects.push({
          clientId: packet.clientId,
          protocolVersion: packet.protocolVersion ?? 0,
          keepaliveS: packet.keepalive ?? 0,
          clean: packet.clean ?? false,
          servername: socket.servername ?? false,
          alpn: socket.alpnProtocol,
        });
        if (allows.connect === false) socket.destroy();
        else done(null, true);
      },
      authorizeSubscribe: (client, subscription, done) => {
        if (allows.subscribe === false || subscription.topic !== topicOf('answer', client!.id)) client!.conn.destroy();
        else done(null, subscription);
      },
      authorizePublish: (client, packet, done) => {
        const { topic } = packet;
        const prefix = prefixes.find((one) => topic.startsWith(one));
        const hop = prefix === undefined ? undefined : hopOf(topic.slice(prefix.length), client!.id);
        if (allows.publish === false || hop === undefined || !prefix?.endsWith(`_${hop}/`)) {
          client!.conn.destroy();
          return;
        }
        broker.topics.push(topic);
        if (config.silent) return;
        void ingest([{ client: client!.id, payload: packet.payload as Buffer }]).then(({ answers }) => {
          done(null);
          for (const { client: node, payload } of answers) broker.publishAnswer(node, payload);
        });
      },
    });
    aedes.on('clientReady', (client) => clients.set(client.id, client));
    const server = createServer(
      { ...config.tls, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['x-amzn-mqtt-ca'] },
      (socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        if (config.certificatesInactive) socket.destroy();
        else aedes.handle(socket);
      },
    );
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => server.listen(broker.port, '127.0.0.1', resolve));
    broker.port = (server.address() as AddressInfo).port;
    stop = async () => {
      stop = async () => {};
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    };
  }

  await start();
  return broker;
}
