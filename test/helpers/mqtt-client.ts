import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';

/** Clients that speak MQTT over mutual TLS to a port of this machine and dial once; the errors of a refused one are no news. */
export function createMqttClients(port: () => number) {
  const clients: MqttClient[] = [];

  function dial(tls: Partial<TlsMaterial>, options: IClientOptions): MqttClient {
    const client = mqtt.connect({
      protocol: 'mqtts',
      host: '127.0.0.1',
      port: port(),
      ...tls,
      reconnectPeriod: 0,
      connectTimeout: 5_000,
      ...options,
    });
    client.on('error', () => {});
    clients.push(client);
    return client;
  }

  return {
    dial,
    /** Rejects if it is closed before its CONNACK. */
    async connected(tls: Partial<TlsMaterial>, options: IClientOptions): Promise<MqttClient> {
      const client = dial(tls, options);
      await new Promise<void>((resolve, reject) => {
        client.once('connect', () => resolve());
        client.once('close', () => reject(new Error('closed before CONNACK')));
      });
      return client;
    },
    /** Those since the last time. */
    take: (): MqttClient[] => clients.splice(0),
  };
}

export const closed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once('close', () => resolve()));
