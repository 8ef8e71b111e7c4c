import { basicIngestTopic } from '../../core/cloud-names.ts';
import { MAX_ENVELOPE_BYTES } from '../../core/envelope.ts';
import { type TrafficClass, topicOf } from '../../core/flow.ts';
import { explainIotCoreEnd } from './iot-core-trouble.ts';
import { type ExplainedEnd, explainLinkEnd, type LinkEnd } from './link-trouble.ts';
import type { PaceLimits } from './pace.ts';

export interface UplinkAddress {
  host: string;
  port: number;
  /** This node: its client id, and the owner of its topics. */
  node: string;
  /** Name of this uplink in the fleet file. @default the far side's */
  uplink?: string;
}

/** In what the far sides differ for one who speaks MQTT with them. */
export interface MqttFarSide {
  /** As in "connected to …". */
  name: string;
  publishTopic: (traffic: TrafficClass, node: string) => string;
  /** PINGREQ after so long without a packet; half as long again without one and the connection is given up. */
  keepaliveS: number;
  /** From dialling to CONNACK. */
  connectWithinMs: number;
  /** The longest pause before the second attempt to connect; later ones grow from it. */
  firstRetryMs: number;
  /** undefined = as fast as the connection takes it. */
  pace: PaceLimits | undefined;
  /** Without PUBACK for so long the connection is given up; undefined = never, the keepalive alone decides. */
  pubackWithinMs: number | undefined;
  maxPayloadBytes: number;
  /** Protocols to name in the TLS handshake at this port. */
  applicationProtocols: (port: number) => string[] | undefined;
  explain: (end: LinkEnd, address: UplinkAddress) => ExplainedEnd;
}

/** IoT Core takes no less than 30 s. */
const KEEPALIVE_S = 30;
const CONNECT_WITHIN_MS = 10_000;
/**
 * A connection whose other end is gone without a word is given up no later than this after its last packet; one that
 * never got as far as a CONNACK no later than CONNECT_WITHIN_MS after dialling.
 */
export const HALF_OPEN_FOUND_MS = KEEPALIVE_S * 1_500;

export const HUB_SIDE: MqttFarSide = {
  name: 'the hub',
  publishTopic: topicOf,
  keepaliveS: KEEPALIVE_S,
  connectWithinMs: CONNECT_WITHIN_MS,
  firstRetryMs: 500,
  pace: undefined,
  pubackWithinMs: undefined,
  maxPayloadBytes: MAX_ENVELOPE_BYTES,
  applicationProtocols: () => undefined,
  explain: explainLinkEnd,
};

/**
 * Quotas of one connection are 100 publishes and 512 KiB a second (both directions) and 100 publishes without PUBACK;
 * beyond them messages are dropped or the connection is. A tenth stays free for answers, and because a network bunches
 * what was sent apart. https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits
 */
export const IOT_CORE_PACE: PaceLimits = { publishesPerSecond: 90, bytesPerSecond: 460 * 1024, unacknowledged: 90 };
const IOT_CORE_MAX_PAYLOAD_BYTES = 128 * 1024;
/** A publish over a quota gets no PUBACK, ever; its place among the unacknowledged ones would stay taken. */
const PUBACK_WITHIN_MS = 60_000;
/** At 443 the protocol is chosen in the handshake: https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html */
const HTTPS_PORT = 443;

/** IoT Core with the Basic Ingest rules of a fleet (docs/deploy.md). */
export const iotCoreSide = (fleet: string): MqttFarSide => ({
  name: 'IoT Core',
  publishTopic: (traffic, node) => basicIngestTopic(fleet, traffic, node),
  keepaliveS: KEEPALIVE_S,
  connectWithinMs: CONNECT_WITHIN_MS,
  firstRetryMs: 2_000, // one CONNECT a second and client id
  pace: IOT_CORE_PACE,
  pubackWithinMs: PUBACK_WITHIN_MS,
  maxPayloadBytes: IOT_CORE_MAX_PAYLOAD_BYTES,
  applicationProtocols: (port) => (port === HTTPS_PORT ? ['x-amzn-mqtt-ca'] : undefined),
  explain: (end, address) => explainIotCoreEnd(end, address, fleet),
});
