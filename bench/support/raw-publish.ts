import { loadCredentials } from '../../adapters/embedded/credentials.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { openConnection } from '../../adapters/mqtt/connection.ts';
import { topicOf } from '../../core/flow.ts';
import type { Reading } from '../../core/reading.ts';

export interface RawBrokerConfig {
  directory: string;
  node: string;
}
export interface RawBrokerReady {
  port: number;
  credentials: string;
}
export interface RawBrokerUsage {
  cpuUs: number;
  messages: number;
}

/** Messages without PUBACK at a time: as many as the broker works on at once. */
const WINDOW = 100;

/** Publishes readings as JSON arrays at QoS 1; resolves with the payload bytes after the last PUBACK. */
export async function publishRaw(
  { port, credentials }: RawBrokerReady,
  node: string,
  readings: readonly Reading[],
  perMessage: number,
): Promise<number> {
  const loaded = await loadCredentials(credentials, systemClock.wallMs());
  if (!loaded.ok) throw new Error(loaded.detail);
  const topic = topicOf('bulk', node);
  let bytes = 0;
  let next = 0;
  let done = false;
  await new Promise<void>((resolve, reject) => {
    const connection = openConnection(
      { credentials: loaded.credentials, clock: systemClock },
      { host: '127.0.0.1', port, node },
      {
        onUp: () => {
          const publishOn = async (): Promise<void> => {
            while (next < readings.length) {
              const part = readings.slice(next, next + perMessage);
              next += perMessage;
              const payload = Buffer.from(
                JSON.stringify(part.map(({ device, stream, ts, value }) => ({ device, stream, ts, value }))),
              );
              bytes += payload.length;
              await connection.publish(topic, payload);
            }
          };
          Promise.all(Array.from({ length: WINDOW }, publishOn)).then(() => {
            done = true;
            return connection.close();
          }, reject);
        },
        onAnswer: () => undefined,
        // How the connection ends after the last PUBACK is no matter: the broker may hang up first.
        onEnd: ({ error }) => (done ? resolve() : reject(error ?? new Error('the bare broker hung up'))),
      },
    );
  });
  return bytes;
}
