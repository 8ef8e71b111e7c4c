import type { TLSSocket } from 'node:tls';
import { Aedes, type AuthErrorCode, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import type { Audit, Clock, Logger } from '../../../core/ports.ts';
import { atMost } from '../../at-most.ts';
import type { TlsMaterial } from '../../embedded/key-pair.ts';
import { openBrokerPort } from '../../mqtt/broker-port.ts';
import { sayGoodbye } from '../../mqtt/goodbye.ts';
import { guardReads } from '../../mqtt/guarded-reads.ts';
import { certificateNameOf, isLoss, labelOf, type Peer } from '../../mqtt/peer.ts';
import { createReadGate, READ_LIMITS } from '../../mqtt/read-gate.ts';
import { createRefusalLedger } from '../../mqtt/refusals.ts';
import { admitClient, LISTENER_REFUSALS, type ListenerRefusal } from './admission.ts';
import { createInflows, type Inflow } from './inflow.ts';
import type { DeviceMessage } from './intake.ts';

/** Room for the topic and the packet id beside the payload. */
const HEADER_BYTES = 1_024;
const CONNECT_TIMEOUT_MS = 10_000;
/** Topic of messages that we have taken. */
const TAKEN = 'taken';
/** Of all connections of a port together. */
const MAX_OPEN_BYTES = 64 * 1024 ** 2;
/** How long messages that were taken may wait for their fate when the node stops. */
const FINISH_MS = 5_000;
/** A connection that died without a word is found by TCP, whatever keepalive its device asks for. */
const TCP_KEEPALIVE_MS = 60_000;
/** CONNACK codes of MQTT 3.1.1, 3.2.2.3. */
const IDENTIFIER_REJECTED = 2;
const NOT_AUTHORIZED = 5;

export interface DeviceBrokerPorts {
  tls: TlsMaterial;
  clock: Clock;
  logger: Logger;
  audit: Audit;
  /** Resolves when the message may be acknowledged. */
  take: (message: DeviceMessage) => Promise<void>;
}

export interface DeviceBrokerConfig {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Names that certificates may have. */
  clients: ReadonlySet<string>;
  maxInFlight: number;
  /** Bytes. */
  maxPayload: number;
  /** Messages a second of one client. */
  maxRate: number;
}

export interface DeviceBroker {
  port: number;
  refusals(): Record<ListenerRefusal, number>;
  connected(): number;
  /** Reads nothing more, waits for what it took, closes the connections. Idempotent. */
  close(): Promise<void>;
}

/** What is known of a connection. */
interface Connection extends Peer {
  number: number;
  inflow: Inflow;
  persistent: boolean;
  toldInFlight: boolean;
}

/**
 * MQTT 3.1.1 over mutual TLS for devices that only publish. A message is acknowledged (PUBACK, or PUBREC with QoS 2)
 * when `take` resolves. Nothing is retained and nobody may subscribe; a will counts as a message of QoS 0.
 *
 * Rejects if the port cannot be had.
 */
export async function createDeviceBroker(ports: DeviceBrokerPorts, config: DeviceBrokerConfig): Promise<DeviceBroker> {
  const { clock, logger } = ports;
  const refusals = createRefusalLedger(ports, LISTENER_REFUSALS, 'listener');
  const gate = createReadGate(ports, { ...READ_LIMITS, messagesPerSecond: config.maxRate });
  const inflowOf = createInflows({ maxInFlight: config.maxInFlight, maxOpenBytes: MAX_OPEN_BYTES });
  const maxPacketBytes = config.maxPayload + HEADER_BYTES;
  const sockets = new Set<TLSSocket>();
  const connections = new WeakMap<object, Connection>();
  const connectPackets = new WeakMap<Client, ConnectPacket>();
  const open = new Set<Promise<void>>();
  let numbers = 0;
  let closing: Promise<void> | undefined;

  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    // What a device may send before its CONNACK: as much as one read holds.
    queueLimit: 4_000,
    maxInflightInbound: config.maxInFlight,
    // Refusing here would leave the client waiting for its CONNACK: only what authenticate needs is kept.
    preConnect: (client, packet, done) => {
      connectPackets.set(client, packet);
      done(null, true);
    },
    authenticate: (client, _user, _password, done) => {
      const packet = connectPackets.get(client)!;
      const connection = connectionOf(client);
      connection.persistent = packet.clean === false;
      const verdict = admitClient(connection.name, packet.clientId, config.clients);
      if (verdict.ok) return done(null, true);
      refusals.note(verdict.reason, labelOf(connection), verdict.detail);
      const returnCode = verdict.reason === 'wrong-client-id' ? IDENTIFIER_REJECTED : NOT_AUTHORIZED;
      done(Object.assign(new CountedRefusal(verdict.detail), { returnCode: returnCode as AuthErrorCode }), null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const detail = `topic ${subscription.topic}: a listener only takes messages`;
      refusals.note('subscribe-not-offered', labelOf(connectionOf(client!)), detail);
      done(null, null); // SUBACK 128
    },
    // Only this callback delays the PUBACK: aedes writes it before its publish hooks run.
    authorizePublish: (client, packet, done) => {
      if (!client || closing) return; // whoever sent it has no acknowledgement, and sends it again
      receive(client, packet as PublishPacket & { messageId?: number }).then(
        () => done(null),
        (error: Error) => done(error),
      );
    },
  });

  aedes.on('clientReady', (client) => {
    logger.debug({ device: client.id, address: connectionOf(client).address }, 'device connected');
  });
  const listener = await openBrokerPort(
    aedes,
    {
      tls: ports.tls,
      onConnection: serve,
      onRefused: refusals.note,
      onError: (error) => logger.error({ err: error }, 'listener: port failed'),
      onTrouble: noteTrouble,
    },
    { host: config.host, port: config.port, peers: config.clients.size },
  );

  function serve(socket: TLSSocket, address: string): void {
    if (closing) return void socket.destroy();
    const name = certificateNameOf(socket);
    guardReads(socket, clock, {
      maxPacketBytes,
      onBad: (verdict) => {
        const reason = verdict === 'too-large' ? 'payload-too-large' : 'protocol-error';
        refusals.note(reason, name ?? address, `a packet of more than ${maxPacketBytes} bytes`);
      },
      // Who is nobody here is turned away at its CONNECT.
      waitMsAfter: (bytes, messages) =>
        name !== undefined && config.clients.has(name) ? gate.note(name, bytes, messages) : 0,
    });
    const inflow = inflowOf(socket);
    connections.set(socket, { name, address, number: ++numbers, inflow, persistent: false, toldInFlight: false });
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    aedes.handle(socket);
  }

  const connectionOf = (client: Client): Connection => connections.get(client.conn)!;

  async function receive(client: Client, packet: PublishPacket & { messageId?: number }): Promise<void> {
    const connection = connectionOf(client);
    const { inflow, number, persistent } = connection;
    const { topic } = packet;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    // aedes publishes what is left of it: to nobody, and not under its own topics ($SYS/…), which would obey a device.
    Object.assign(packet, { topic: TAKEN, payload: Buffer.alloc(0), retain: false });
    if (packet.qos > 0) noteExcess(connection);
    inflow.begin(payload.length);
    const taken = ports.take({
      client: client.id,
      connection: number,
      persistent,
      topic,
      payload,
      dup: packet.dup,
      packetId: packet.qos > 0 ? packet.messageId : undefined,
      mayLinger: inflow.open < config.maxInFlight,
    });
    open.add(taken);
    try {
      await taken;
    } finally {
      open.delete(taken);
      inflow.end(payload.length);
    }
  }

  /** Beyond its window what a device sends again after a crash may not be known any more. */
  function noteExcess(connection: Connection): void {
    if (connection.toldInFlight || connection.inflow.open < config.maxInFlight) return;
    connection.toldInFlight = true;
    const detail = `more than ${config.maxInFlight} messages unacknowledged: raise maxInFlight, or let the device send fewer at a time`;
    refusals.note('too-many-in-flight', labelOf(connection), detail);
  }

  function noteTrouble(client: Client, error: NodeJS.ErrnoException): void {
    if (error instanceof CountedRefusal) return;
    const name = labelOf(connectionOf(client));
    if (isLoss(error)) logger.debug({ device: name, err: error.message }, 'device: connection lost');
    else refusals.note('protocol-error', name, error.message);
  }

  async function shutDown(): Promise<void> {
    listener.stop();
    await atMost(FINISH_MS, Promise.allSettled(open), clock);
    await sayGoodbye(sockets, clock);
    listener.destroy();
    await new Promise<void>((resolve) => aedes.close(resolve));
  }

  return {
    port: listener.port,
    refusals: refusals.counts,
    connected: () => aedes.connectedClients,
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** Already counted when aedes reports it as the client's error. */
class CountedRefusal extends Error {}
