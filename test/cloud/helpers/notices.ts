import { SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { ACCOUNT, REGION } from '../emulator/start.ts';
import type { FleetCloud } from './fleet-cloud.ts';

/** Who is told of critical records. */
export interface Subscriber {
  /** Ids of the records of a node that it was told of so far, as often as it was told. */
  toldOf(node: string): Promise<string[]>;
  close(): Promise<void>;
}

let subscribers = 0;

export async function subscribeCritical({ clients, output }: FleetCloud): Promise<Subscriber> {
  const { sns, sqs } = clients;
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: `subscriber-${process.pid}-${subscribers++}` }),
  );
  const { SubscriptionArn } = await sns.send(
    new SubscribeCommand({
      TopicArn: output('Ingest', 'CriticalTopicArn'),
      Protocol: 'sqs',
      Endpoint: `arn:aws:sqs:${REGION}:${ACCOUNT}:${QueueUrl!.split('/').at(-1)}`,
      Attributes: { RawMessageDelivery: 'true' },
      ReturnSubscriptionArn: true,
    }),
  );
  const told: { node: string; records: { id: string }[] }[] = [];
  const receive = async (): Promise<void> => {
    for (;;) {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      if (Messages.length === 0) return;
      for (const { Body, ReceiptHandle } of Messages) {
        told.push(JSON.parse(Body!));
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  };
  return {
    toldOf: async (node) => {
      await receive();
      return told.filter((notice) => notice.node === node).flatMap(({ records }) => records.map(({ id }) => id));
    },
    close: async () => {
      await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
      await sqs.send(new DeleteQueueCommand({ QueueUrl }));
    },
  };
}
