import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { MqttClient } from 'mqtt';
import { topicOf } from '../../core/flow.ts';
import type { Clock } from '../../core/ports.ts';
import { atMost } from '../at-most.ts';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { HUB_SIDE, type MqttFarSide, type UplinkAddress } from './far-side.ts';
import type { LinkEnd } from './link-trouble.ts';

const GOODBYE_MS = 1_000;

export interface ConnectionEvents {
  /** Connected, and answers will arrive: the subscription stands. */
  onUp: () => void;
  onAnswer: (payload: Uint8Array) => void;
  /** The end, once; nothing comes after it. */
  onEnd: (end: LinkEnd) => void;
}

export interface Connection {
  /** Resolves with the PUBACK; rejects if the connection ends before. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Ends it; resolves within a second or so whatever the far side does. */
  close(): Promise<void>;
  /** Drops it as lost. */
  cut(reason: Error): void;
}

/**
 * One connection to the far side, from dialling to its end, never a second one. A client of its own each time, since
 * mqtt.js keeps what was not acknowledged and would send it again behind the back of the forwarder, which owns resends.
 */
export function openConnection(
  { credentials, clock }: { credentials: TlsMaterial; clock: Clock },
  { host, port, node }: UplinkAddress,
  events: ConnectionEvents,
  farSide: MqttFarSide = HUB_SIDE,
): Connection {
  const end: LinkEnd = { error: undefined, secured: false, accepted: false, listening: false };
  const protocols = farSide.applicationProtocols(port);
  const pending = new Set<(error: Error) => void>();
  const socket = connectTls({
    host,
    port,
    ca: credentials.ca,
    cert: credentials.cert,
    key: credentials.key,
    minVersion: 'TLSv1.2',
    ...(isIP(host) ? {} : { servername: host }),
    ...(protocols ? { ALPNProtocols: protocols } : {}),
  });
  socket.setNoDelay(true);
  socket.once('secureConnect', () => {
    end.secured = true;
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const client = new MqttClient(() => socket, {
    clientId: node,
    protocolVersion: 4,
    clean: true,
    // mqtt.js counts from the last packet that came, so who sends on into a dead connection finds out no later.
    keepalive: farSide.keepaliveS,
    connectTimeout: farSide.connectWithinMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
  });
  client.on('error', (error) => {
    end.error ??= error;
  });
  client.on('message', (topic, payload) => {
    if (topic === topicOf('answer', node)) events.onAnswer(payload);
  });
  client.on('connect', () => {
    end.accepted = true;
    // Before the link counts as up: an answer that comes before the subscription would be lost.
    client.subscribe(topicOf('answer', node), { qos: 0 }, (error) => {
      if (error) return socket.destroy(error);
      end.listening = true;
      events.onUp();
    });
  });
  client.once('close', () => {
    rejectPending();
    client.end(true); // frees what mqtt.js still holds of this connection
    events.onEnd(end);
  });

  function rejectPending(): void {
    for (const reject of pending)
      reject(new Error(`the connection to ${farSide.name} was lost before the message was taken`));
    pending.clear();
  }

  function publish(topic: string, payload: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      pending.add(reject);
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      client.publish(topic, bytes, { qos: 1 }, (error) => {
        pending.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async function close(): Promise<void> {
    // With messages pending, a polite end would wait for their PUBACKs without bound.
    if (pending.size > 0 || !end.accepted) socket.destroy();
    else client.end(false);
    rejectPending();
    await atMost(GOODBYE_MS, closed, clock);
    socket.destroy();
    await closed;
  }

  function cut(reason: Error): void {
    end.error ??= reason;
    socket.destroy();
  }

  return { publish, close, cut };
}
