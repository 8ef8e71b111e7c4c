import type { TrafficClass } from '../../core/flow.ts';
import type { Cancel, Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { type Connection, openConnection } from './connection.ts';
import { HUB_SIDE, type MqttFarSide, type UplinkAddress } from './far-side.ts';
import type { LinkEnd, LinkTrouble } from './link-trouble.ts';
import { createPace } from './pace.ts';

export const MAX_RETRY_MS = 30_000;
/** A link that lasted less does not count as recovery: two nodes with one name would throw each other out for ever. */
const STEADY_MS = 30_000;
/** More than this without PUBACK is not taken: the far side is stuck, and the journal is the place to wait. */
const MAX_UNACKNOWLEDGED_BYTES = 16 * 1024 ** 2;
/** Around topic and payload of a PUBLISH packet, at most. */
const PACKET_OVERHEAD_BYTES = 9;

export interface MqttUplinkPorts {
  credentials: TlsMaterial;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/**
 * A node's way to its far side, the hub or IoT Core: MQTT 3.1.1 over mutual TLS. Dials at once and again after every
 * loss, with growing, jittered pauses of at most 30 s. What is lost is never sent again by itself. It holds back only
 * what is over the pace of the far side, 16 MiB at most: more is rejected, as is everything while there is no link.
 *
 * `onLink` hears the present state at once if the link is up already; after `close` nothing is reported any more.
 *
 * @param farSide default: the hub
 */
export function createMqttUplink(
  ports: MqttUplinkPorts,
  address: UplinkAddress,
  farSide: MqttFarSide = HUB_SIDE,
): Uplink {
  const { clock, logger } = ports;
  const { node } = address;
  const pace = farSide.pace && createPace(clock, farSide.pace);
  let tellAnswer: (payload: Uint8Array) => void = () => {};
  let tellLink: (connected: boolean) => void = () => {};
  let connection: Connection | undefined;
  let upSinceMs: number | undefined;
  let retries = 0;
  let cancelRetry: Cancel = () => {};
  let needed = true;
  /** Ends in order, by our own wish. */
  let leaving: Promise<void> = Promise.resolve();
  let told: LinkTrouble | undefined;
  let unacknowledgedBytes = 0;
  let closing: Promise<void> | undefined;

  function dial(): void {
    const own: Connection = openConnection(
      ports,
      address,
      {
        onUp: () => {
          if (closing || connection !== own) return;
          upSinceMs = clock.monotonicMs();
          told = undefined;
          logger.info({ address: `${address.host}:${address.port}`, node }, `connected to ${farSide.name}`);
          tellLink(true);
        },
        onAnswer: (payload) => {
          if (!closing && connection === own) tellAnswer(payload);
        },
        onEnd: (end) => {
          if (!closing && connection === own) lose(end);
        },
      },
      farSide,
    );
    connection = own;
  }

  function lose(end: LinkEnd): void {
    explain(end);
    const wasUp = forget();
    cancelRetry = clock.after(retryPauseMs(retries, ports.random, farSide.firstRetryMs), dial);
    retries += 1;
    if (wasUp) tellLink(false);
  }

  /** The connection is none any more. @returns whether it was up */
  function forget(): boolean {
    connection = undefined;
    const lastedMs = upSinceMs === undefined ? 0 : clock.monotonicMs() - upSinceMs;
    if (lastedMs >= STEADY_MS) retries = 0;
    const wasUp = upSinceMs !== undefined;
    upSinceMs = undefined;
    pace?.drop(notConnected());
    return wasUp;
  }

  function sleep(): void {
    cancelRetry();
    const ended = connection;
    const wasUp = forget();
    if (ended) leaving = Promise.all([leaving, ended.close()]).then(() => undefined);
    logger.info({ node }, `no connection to ${farSide.name} is needed for now`);
    if (wasUp) tellLink(false);
  }

  /** Many nodes may be woken at once, by the same clock; and who is woken often does not dial often. */
  function wake(): void {
    const pauseMs =
      retries === 0
        ? ports.random.fraction() * farSide.firstRetryMs
        : retryPauseMs(retries, ports.random, farSide.firstRetryMs);
    // One with the same name would throw out the one that is still on its way to the end.
    void leaving.then(() => {
      if (!needed || connection || closing) return;
      cancelRetry(); // of an earlier waking, which went to sleep again before the end
      cancelRetry = clock.after(pauseMs, dial);
    });
  }

  /** Once per change of state: a far side that is away for a week is one line, not a million. */
  function explain(end: LinkEnd): void {
    const { trouble, advice } = farSide.explain(end, address);
    if (trouble !== told) logger.warn({ node, trouble }, advice);
    told = trouble;
  }

  const notConnected = (): Error => new Error(`not connected to ${farSide.name}`);

  async function send(traffic: TrafficClass, payload: Uint8Array): Promise<void> {
    if (closing || upSinceMs === undefined) throw notConnected();
    // Sent all the same it would cost the connection, and with it everything under way.
    if (payload.length > farSide.maxPayloadBytes) {
      throw new RangeError(`message of ${payload.length} bytes, ${farSide.name} takes ${farSide.maxPayloadBytes}`);
    }
    if (unacknowledgedBytes + payload.length > MAX_UNACKNOWLEDGED_BYTES) {
      throw new Error(
        `${unacknowledgedBytes} bytes unacknowledged by ${farSide.name}, allowed ${MAX_UNACKNOWLEDGED_BYTES}`,
      );
    }
    const topic = farSide.publishTopic(traffic, node);
    unacknowledgedBytes += payload.length;
    try {
      const bytes = payload.length + topic.length + PACKET_OVERHEAD_BYTES;
      await (pace ? pace.run(bytes, traffic === 'critical', () => publish(topic, payload)) : publish(topic, payload));
    } finally {
      unacknowledgedBytes -= payload.length;
    }
  }

  async function publish(topic: string, payload: Uint8Array): Promise<void> {
    const carrier = connection!; // send looked
    const withinMs = farSide.pubackWithinMs;
    const cancel =
      withinMs === undefined
        ? () => {}
        : clock.after(withinMs, () => carrier.cut(new Error(`no PUBACK within ${withinMs / 1_000} s`)));
    try {
      await carrier.publish(topic, payload);
    } finally {
      cancel();
    }
  }

  dial();
  return {
    send,
    onAnswer: (listen) => {
      tellAnswer = listen;
    },
    onLink: (listen) => {
      tellLink = listen;
      if (upSinceMs !== undefined && !closing) listen(true);
    },
    using: () => address.uplink ?? farSide.name,
    wanted(isWanted) {
      if (closing || isWanted === needed) return;
      needed = isWanted;
      if (needed) wake();
      else sleep();
    },
    close: () => {
      cancelRetry();
      pace?.drop(notConnected());
      closing ??= Promise.all([leaving, connection?.close()]).then(() => undefined);
      return closing;
    },
  };
}

/**
 * Doubles from the first pause to 30 s; the upper half of it is random, so that a fleet does not come back in step.
 *
 * @param firstMs default: the hub's
 */
export function retryPauseMs(retries: number, random: Random, firstMs: number = HUB_SIDE.firstRetryMs): number {
  const longestMs = Math.min(MAX_RETRY_MS, firstMs * 2 ** Math.min(retries, 20));
  return longestMs / 2 + random.fraction() * (longestMs / 2);
}
