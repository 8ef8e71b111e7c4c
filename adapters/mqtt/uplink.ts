import { type TrafficClass, topicOf } from '../../core/flow.ts';
import type { Cancel, Clock, Logger, Random, Uplink } from '../../core/ports.ts';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { type Connection, type HubAddress, openConnection } from './connection.ts';
import { explainLinkEnd, type LinkEnd, type LinkTrouble } from './link-trouble.ts';

const FIRST_RETRY_MS = 500;
export const MAX_RETRY_MS = 30_000;
/** A link that lasted less does not count as recovery: two nodes with one name would throw each other out for ever. */
const STEADY_MS = 30_000;
/** More than this without PUBACK is not taken: the hub is stuck, and the journal is the place to wait. */
const MAX_UNACKNOWLEDGED_BYTES = 16 * 1024 ** 2;

export interface MqttUplinkPorts {
  credentials: TlsMaterial;
  clock: Clock;
  random: Random;
  logger: Logger;
}

/**
 * A node's way to its hub: MQTT 3.1.1 over mutual TLS. Dials at once and again after every loss, with growing, jittered
 * pauses of at most 30 s. It holds no queue: what cannot go now is rejected, what is lost is never sent again by itself.
 *
 * `onLink` hears the present state at once if the link is up already; after `close` nothing is reported any more.
 */
export function createMqttUplink(ports: MqttUplinkPorts, address: HubAddress): Uplink {
  const { clock, logger } = ports;
  const { node } = address;
  let tellAnswer: (payload: Uint8Array) => void = () => {};
  let tellLink: (connected: boolean) => void = () => {};
  let connection: Connection;
  let upSinceMs: number | undefined;
  let retries = 0;
  let cancelRetry: Cancel = () => {};
  let told: LinkTrouble | undefined;
  let unacknowledgedBytes = 0;
  let closing: Promise<void> | undefined;

  function dial(): void {
    connection = openConnection(ports, address, {
      onUp: () => {
        if (closing) return;
        upSinceMs = clock.monotonicMs();
        told = undefined;
        logger.info({ hub: `${address.host}:${address.port}`, node }, 'connected to the hub');
        tellLink(true);
      },
      onAnswer: (payload) => {
        if (!closing) tellAnswer(payload);
      },
      onEnd: lose,
    });
  }

  function lose(end: LinkEnd): void {
    if (closing) return;
    const lastedMs = upSinceMs === undefined ? 0 : clock.monotonicMs() - upSinceMs;
    if (lastedMs >= STEADY_MS) retries = 0;
    const wasUp = upSinceMs !== undefined;
    upSinceMs = undefined;
    explain(end);
    const pauseMs = retryPauseMs(retries, ports.random);
    retries += 1;
    cancelRetry = clock.after(pauseMs, dial);
    if (wasUp) tellLink(false);
  }

  /** Once per change of state: a hub that is away for a week is one line, not a million. */
  function explain(end: LinkEnd): void {
    const { trouble, advice } = explainLinkEnd(end, address);
    if (trouble !== told) logger.warn({ node, trouble }, advice);
    told = trouble;
  }

  async function send(traffic: TrafficClass, payload: Uint8Array): Promise<void> {
    if (closing || upSinceMs === undefined) throw new Error('not connected to the hub');
    if (unacknowledgedBytes + payload.length > MAX_UNACKNOWLEDGED_BYTES) {
      throw new Error(`${unacknowledgedBytes} bytes unacknowledged by the hub, allowed ${MAX_UNACKNOWLEDGED_BYTES}`);
    }
    unacknowledgedBytes += payload.length;
    try {
      await connection.publish(topicOf(traffic, node), payload);
    } finally {
      unacknowledgedBytes -= payload.length;
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
    close: () => {
      cancelRetry();
      closing ??= connection.close();
      return closing;
    },
  };
}

/** Doubles from half a second to 30 s; the upper half of it is random, so that a fleet does not come back in step. */
export function retryPauseMs(retries: number, random: Random): number {
  const longestMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(retries, 20));
  return longestMs / 2 + random.fraction() * (longestMs / 2);
}
