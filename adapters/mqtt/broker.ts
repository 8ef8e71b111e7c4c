import type { TLSSocket } from 'node:tls';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { MAX_ENVELOPE_BYTES } from '../../core/envelope.ts';
import { topicOf } from '../../core/flow.ts';
import type { Audit, Clock, Logger } from '../../core/ports.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';
import { atMost } from '../at-most.ts';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { admit, BROKER_REFUSALS, type BrokerRefusal, mayPublish, maySubscribe, type Refused } from './admission.ts';
import { createBatcher } from './batcher.ts';
import { openBrokerPort } from './broker-port.ts';
import { type ClientStatus, createClientLedger } from './client-ledger.ts';
import { sayGoodbye } from './goodbye.ts';
import { guardReads } from './guarded-reads.ts';
import { certificateNameOf, isLoss, labelOf, type Peer } from './peer.ts';
import { createPoisonLimit, MAX_POISON_PER_MINUTE } from './poison-limit.ts';
import { createReadGate, READ_LIMITS, type ReadLimits } from './read-gate.ts';
import { createRefusalLedger } from './refusals.ts';

/** Room for the topic and the packet id beside the largest envelope. */
const MAX_PACKET_BYTES = MAX_ENVELOPE_BYTES + 1_024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A node that does not read: more answers than this are not piled up for it. */
const MAX_UNREAD_BYTES = 1024 ** 2;
/** How long the batch in flight may take to finish: a store that hangs must not keep the hub from stopping. */
const FINISH_MS = 5_000;
/** CONNACK codes of MQTT 3.1.1, 3.2.2.3. */
const IDENTIFIER_REJECTED = 2;
const NOT_AUTHORIZED = 5;

export interface BrokerPorts {
  tls: TlsMaterial;
  ingest: Ingest;
  logger: Logger;
  audit: Audit;
  clock: Clock;
}

export interface BrokerConfig {
  /** Address to listen on. */
  host: string;
  /** 0 = any free port. */
  port: number;
  /** Names of the nodes that may connect. */
  nodes: ReadonlySet<string>;
  /** What is read from one node in a second. @default READ_LIMITS */
  readLimits?: ReadLimits;
}

export interface BrokerStatus {
  clients: Record<string, ClientStatus>;
  refusals: Record<BrokerRefusal, number>;
}

export interface Broker {
  port: number;
  /**
   * Sends an answer, or a request, to a node if it is connected and listens; lost otherwise, and whoever waits asks
   * again.
   *
   * @returns false = lost, as far as is known here
   */
  publishAnswer(node: string, payload: Uint8Array): boolean;
  status(): BrokerStatus;
  /** Stops accepting, finishes the batch in flight, sends its answers, closes the connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * The hub's MQTT broker (3.1.1): mutual TLS only, a client is the node that its certificate names, and may use only
 * the topics that core/flow.ts gives that node. Envelopes and questions go to `ingest` in batches; the PUBACK of a
 * message goes out after its batch, and still says nothing about being stored: only answers do.
 *
 * Rejects if the port cannot be had.
 */
export async function createBroker(ports: BrokerPorts, config: BrokerConfig): Promise<Broker> {
  const { logger } = ports;
  const refusals = createRefusalLedger(ports, BROKER_REFUSALS, 'hub');
  const ledger = createClientLedger(ports.clock, config.nodes);
  const isFlood = createPoisonLimit(ports.clock);
  const gate = createReadGate(ports, config.readLimits ?? READ_LIMITS);
  const batcher = createBatcher({ ingest: ports.ingest, answer: publishAnswer, logger, clock: ports.clock });
  let closing: Promise<void> | undefined;
  const sockets = new Set<TLSSocket>();
  const connectPackets = new WeakMap<Client, ConnectPacket>();
  const peers = new WeakMap<object, Peer>();
  const current = new Map<string, Client>();
  const listening = new WeakSet<Client>();

  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_TIMEOUT_MS,
    queueLimit: 1_000,
    // Refusing here would leave the client waiting for its CONNACK: only what authenticate needs is kept.
    preConnect: (client, packet, done) => {
      connectPackets.set(client, packet);
      done(null, true);
    },
    authenticate: (client, _user, _password, done) => {
      const packet = connectPackets.get(client)!;
      const verdict = admit(
        {
          certificateName: peerOf(client).name,
          clientId: packet.clientId,
          clean: packet.clean ?? false,
          hasWill: packet.will !== undefined,
          keepaliveS: packet.keepalive ?? 0,
        },
        config.nodes,
      );
      if (verdict.ok) return done(null, true);
      const returnCode = verdict.reason === 'wrong-client-id' ? IDENTIFIER_REJECTED : NOT_AUTHORIZED;
      done(Object.assign(refuse(client, verdict), { returnCode }), null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const verdict = maySubscribe(client.id, subscription.topic);
      if (verdict.ok) listening.add(client);
      else refuse(client, verdict);
      done(null, verdict.ok ? subscription : null); // null: SUBACK 128
    },
    // Only this callback delays the PUBACK: aedes writes it before its publish hooks run.
    authorizePublish: (client, packet, done) => {
      if (!client) return done(new Error('the hub itself publishes nothing through the broker'));
      const verdict = mayPublish(client.id, packet);
      if (!verdict.ok) return done(refuse(client, verdict));
      const payload = bytesOf(packet);
      ledger.message(client.id, payload.length);
      batcher.offer(verdict.traffic, { client: client.id, payload }, (fate) => {
        ledger.settled(client.id, fate);
        if (fate !== 'put-aside' || !isFlood(client.id)) return done(null);
        const detail = `more than ${MAX_POISON_PER_MINUTE} messages put aside within a minute`;
        done(refuse(client, { ok: false, reason: 'poison-flood', detail }));
      });
    },
  });

  aedes.on('clientReady', (client) => {
    current.set(client.id, client);
    ledger.connected(client.id);
    logger.info({ node: client.id, address: peerOf(client).address }, 'node connected');
  });
  aedes.on('clientDisconnect', (client) => {
    // A node that connects again takes over before its old connection is gone.
    if (current.get(client.id) !== client) return;
    current.delete(client.id);
    ledger.disconnected(client.id);
    logger.info({ node: client.id }, 'node disconnected');
  });
  const listener = await openBrokerPort(
    aedes,
    {
      tls: ports.tls,
      onConnection: serve,
      onRefused: refusals.note,
      onError: (error) => logger.error({ err: error }, 'MQTT listener'),
      onTrouble: noteTrouble,
    },
    { host: config.host, port: config.port, peers: config.nodes.size },
  );
  logger.info({ host: config.host, port: listener.port }, 'MQTT broker listens');

  function serve(socket: TLSSocket, address: string): void {
    if (closing) {
      socket.destroy();
      return;
    }
    // Taken down now: a closed socket forgets both.
    const peer: Peer = { name: certificateNameOf(socket), address };
    peers.set(socket, peer);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    guardReads(socket, ports.clock, {
      maxPacketBytes: MAX_PACKET_BYTES,
      onBad: (verdict) => {
        const reason = verdict === 'too-large' ? 'payload-too-large' : 'protocol-error';
        refusals.note(reason, labelOf(peer), `a packet of more than ${MAX_PACKET_BYTES} bytes`);
      },
      waitMsAfter: (bytes, messages) => waitMsAfter(peer, bytes, messages),
    });
    aedes.handle(socket);
  }

  function waitMsAfter({ name }: Peer, bytes: number, messages: number): number {
    // Who is no node of the fleet is turned away at its CONNECT.
    if (name === undefined || !config.nodes.has(name)) return 0;
    const waitMs = gate.note(name, bytes, messages);
    ledger.heldBack(name, waitMs);
    return waitMs;
  }

  const peerOf = (client: Client): Peer => peers.get(client.conn)!;

  function refuse(client: Client, { reason, detail }: Refused): Error {
    refusals.note(reason, labelOf(peerOf(client)), detail);
    return new CountedRefusal(detail);
  }

  function noteTrouble(client: Client, error: NodeJS.ErrnoException): void {
    if (error instanceof CountedRefusal) return;
    const name = labelOf(peerOf(client));
    if (isLoss(error)) logger.debug({ node: name, err: error.message }, 'connection lost');
    else refusals.note('protocol-error', name, error.message);
  }

  function publishAnswer(node: string, payload: Uint8Array): boolean {
    const client = current.get(node);
    if (!client || !listening.has(client) || client.conn.writableLength > MAX_UNREAD_BYTES) {
      ledger.answerLost(node);
      return false;
    }
    // Straight to its only reader: through the broker's emitter one that does not read would delay all others.
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const packet = {
      cmd: 'publish',
      topic: topicOf('answer', node),
      payload: bytes,
      qos: 0,
      retain: false,
      dup: false,
    };
    // aedes types the callback as optional and calls it always; a failed write ends the connection by itself.
    client.publish(packet as PublishPacket, () => {});
    return true;
  }

  async function shutDown(): Promise<void> {
    listener.stop();
    await atMost(FINISH_MS, batcher.close(), ports.clock);
    await sayGoodbye(sockets, ports.clock);
    listener.destroy();
    await new Promise<void>((resolve) => aedes.close(resolve));
  }

  return {
    port: listener.port,
    publishAnswer,
    status: () => ({ clients: ledger.snapshot(), refusals: refusals.counts() }),
    close: () => {
      closing ??= shutDown();
      return closing;
    },
  };
}

/** Already in the ledger when aedes reports it as the client's error. */
class CountedRefusal extends Error {}

function bytesOf({ payload }: PublishPacket): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}
