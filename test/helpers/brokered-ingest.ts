import { connect, type MqttClient } from 'mqtt';
import type { TlsMaterial } from '../../adapters/embedded/key-pair.ts';
import { hopOf, topicOf } from '../../core/flow.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';

export interface BrokeredIngest {
  /** Messages that it took from the broker. */
  taken(): number;
  /** Dies: what it took and has not stored is gone. */
  kill(): Promise<void>;
}

/** An ingest behind a broker of its own, as the cloud's is: the broker says "taken" long before this stores anything. */
export async function startBrokeredIngest(
  credentials: TlsMaterial,
  port: number,
  node: string,
  ingest: Ingest,
): Promise<BrokeredIngest> {
  let taken = 0;
  let dead = false;
  const client: MqttClient = connect({
    ...{ protocol: 'mqtts', host: '127.0.0.1', port, clientId: 'ingest', protocolVersion: 4, reconnectPeriod: 50 },
    ...credentials,
  });
  client.on('error', () => {});
  client.on('message', (topic, payload) => {
    if (hopOf(topic, node) === undefined) return;
    taken += 1;
    void ingest([{ client: node, payload }]).then(({ answers }) => {
      if (dead) return;
      for (const answer of answers) client.publish(topicOf('answer', answer.client), Buffer.from(answer.payload));
    });
  });
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  await client.subscribeAsync(['headwater/+/critical', 'headwater/+/bulk'], { qos: 1 });
  return {
    taken: () => taken,
    async kill() {
      dead = true;
      client.stream.destroy();
      await client.endAsync(true);
    },
  };
}
