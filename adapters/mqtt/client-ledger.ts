import type { Clock } from '../../core/ports.ts';
import type { MessageFate } from './batcher.ts';

/** What the broker knows of one node. */
export interface ClientStatus {
  connected: boolean;
  /** ms since 1970 of the last message or new connection; undefined = never seen since the start. */
  lastSeenMs: number | undefined;
  connections: number;
  messages: number;
  /** Payload bytes. */
  bytesIn: number;
  /** Messages that the store could not take at that moment. */
  notNow: number;
  /** Answers that found no connection, or one that does not read; the node asks again. */
  answersLost: number;
  /** For so many ms nothing was read from it, because it had sent more than its rate. */
  heldBackMs: number;
}

export interface ClientLedger {
  connected(node: string): void;
  disconnected(node: string): void;
  message(node: string, bytes: number): void;
  settled(node: string, fate: MessageFate): void;
  answerLost(node: string): void;
  heldBack(node: string, ms: number): void;
  snapshot(): Record<string, ClientStatus>;
}

/** Counts per node of the fleet, the ones never seen included. */
export function createClientLedger(clock: Clock, nodes: Iterable<string>): ClientLedger {
  const clients = new Map<string, ClientStatus>();
  for (const node of nodes) clients.set(node, neverSeen());
  // Callers name only nodes that were admitted, so the entry is there.
  const of = (node: string): ClientStatus => clients.get(node)!;
  return {
    connected(node) {
      const client = of(node);
      client.connected = true;
      client.connections += 1;
      client.lastSeenMs = clock.wallMs();
    },
    disconnected(node) {
      of(node).connected = false;
    },
    message(node, bytes) {
      const client = of(node);
      client.messages += 1;
      client.bytesIn += bytes;
      client.lastSeenMs = clock.wallMs();
    },
    settled(node, fate) {
      if (fate === 'not-now') of(node).notNow += 1;
    },
    answerLost(node) {
      const client = clients.get(node); // an answer names any client that ingest names
      if (client) client.answersLost += 1;
    },
    heldBack(node, ms) {
      of(node).heldBackMs += ms;
    },
    snapshot: () => Object.fromEntries([...clients].map(([node, status]) => [node, { ...status }])),
  };
}

const neverSeen = (): ClientStatus => ({
  connected: false,
  lastSeenMs: undefined,
  connections: 0,
  messages: 0,
  bytesIn: 0,
  notNow: 0,
  answersLost: 0,
  heldBackMs: 0,
});
