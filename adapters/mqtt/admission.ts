import { hopOf, type TrafficClass, topicsFrom } from '../../core/flow.ts';
import { show } from '../../core/reading.ts';
import { TLS_REFUSALS } from './tls-listener.ts';

/** Why the broker turned a connection, a message or a subscription away. */
export const BROKER_REFUSALS = [
  ...TLS_REFUSALS,
  'unknown-node',
  'wrong-client-id',
  'unwanted-option',
  'publish-topic-not-its-own',
  'subscribe-topic-not-its-own',
  'retained-or-qos-2',
  'payload-too-large',
  'protocol-error',
  'poison-flood',
] as const;
export type BrokerRefusal = (typeof BROKER_REFUSALS)[number];

export interface Refused {
  ok: false;
  reason: BrokerRefusal;
  detail: string;
}

/** What a client says in its CONNECT packet, and what its certificate proves. */
export interface Connecting {
  certificateName: string | undefined;
  clientId: string;
  clean: boolean;
  hasWill: boolean;
  keepaliveS: number;
}

/** A connection that died without a word is noticed after one and a half times this. */
export const MAX_KEEPALIVE_S = 300;

/** Client id = name in the certificate = a node of the fleet; and nothing is kept for it between connections. */
export function admit(connecting: Connecting, nodes: ReadonlySet<string>): { ok: true; node: string } | Refused {
  const { certificateName, clientId, keepaliveS } = connecting;
  if (certificateName === undefined || !nodes.has(certificateName)) {
    return refused('unknown-node', `the certificate names ${show(certificateName)}, which is no node of this fleet`);
  }
  if (clientId !== certificateName) {
    return refused('wrong-client-id', `client id ${show(clientId)}, allowed is the certificate's ${certificateName}`);
  }
  if (connecting.hasWill) return refused('unwanted-option', 'a will is not allowed');
  if (!connecting.clean) return refused('unwanted-option', 'clean session must be set: the hub keeps no sessions');
  if (keepaliveS < 1 || keepaliveS > MAX_KEEPALIVE_S) {
    return refused('unwanted-option', `keepalive of ${keepaliveS} s, allowed 1 to ${MAX_KEEPALIVE_S}`);
  }
  return { ok: true, node: certificateName };
}

/** Whether a node may publish this; the topic tells the class. */
export function mayPublish(
  node: string,
  packet: { topic: string; qos: number; retain: boolean },
): { ok: true; traffic: TrafficClass } | Refused {
  const hop = hopOf(packet.topic, node);
  if (hop === undefined || hop === 'answer') {
    return refused(
      'publish-topic-not-its-own',
      `topic ${show(packet.topic)}, allowed ${topicsFrom('node', node).join(', ')}`,
    );
  }
  // Nothing is retained or doubly acknowledged here: what is stored says the answer, not MQTT.
  if (packet.retain || packet.qos > 1) {
    return refused('retained-or-qos-2', `qos ${packet.qos}, retain ${packet.retain}; allowed qos 0 or 1, not retained`);
  }
  return { ok: true, traffic: hop };
}

/** Only whole topics: a wildcard would hear other nodes. */
export function maySubscribe(node: string, topic: string): { ok: true } | Refused {
  const allowed = topicsFrom('far-side', node);
  if (allowed.includes(topic)) return { ok: true };
  return refused('subscribe-topic-not-its-own', `topic ${show(topic)}, allowed ${allowed.join(', ')}`);
}

function refused(reason: BrokerRefusal, detail: string): Refused {
  return { ok: false, reason, detail };
}
