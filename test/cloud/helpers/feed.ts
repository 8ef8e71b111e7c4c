import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { type TrafficClass, topicOf } from '../../../core/flow.ts';
import { eventually } from '../../helpers/processes.ts';
import type { FleetCloud } from './fleet-cloud.ts';
import { queueDepth } from './queues.ts';

/**
 * A queue of the test's own before a deployed function, fed to it as the function's own queue is. What dies here drags
 * nobody else's messages along, and the test says when a message comes again.
 */
export interface Feed {
  url: string;
  /** As the topic rule writes it. */
  send(client: string, payload: Uint8Array): Promise<void>;
  /** Hands nothing to the function any more, or again. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Takes the waiting message again and again, as a function that fails would, until it was received so often. */
  receiveUntil(receives: number): Promise<void>;
  /** Until every message was handled. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

export const INGEST_FUNCTIONS: Record<TrafficClass, string> = {
  critical: 'CriticalFunctionName',
  bulk: 'BulkFunctionName',
};
let feeds = 0;

/** @param retrySeconds after which a message that failed comes again */
export async function openFeed(fleet: FleetCloud, traffic: TrafficClass, retrySeconds: number): Promise<Feed> {
  const { cloud, clients, output } = fleet;
  const { sqs } = clients;
  const name = output('Ingest', INGEST_FUNCTIONS[traffic]);
  const { QueueUrl: url } = await sqs.send(
    new CreateQueueCommand({
      QueueName: `feed-${process.pid}-${feeds++}`,
      Attributes: { VisibilityTimeout: String(retrySeconds) },
    }),
  );
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }));
  // The settings of the mapping as it was deployed.
  const mappings = (await lambda(cloud, 'GET', `?FunctionName=${name}`)) as { EventSourceMappings: Mapping[] };
  const { BatchSize, FunctionResponseTypes, ScalingConfig } = mappings.EventSourceMappings[0]!;
  const { UUID } = (await lambda(cloud, 'POST', '', {
    ...{ BatchSize, FunctionResponseTypes, ScalingConfig },
    EventSourceArn: Attributes!.QueueArn,
    FunctionName: name,
  })) as Mapping;
  const enable = async (Enabled: boolean): Promise<void> => {
    await lambda(cloud, 'PUT', UUID, { Enabled });
  };
  const idle = (): Promise<unknown> =>
    eventually(`every message of ${name} to be handled`, async () => {
      const { waiting, inFlight } = await queueDepth(clients, url!);
      return waiting + inFlight === 0;
    });
  return {
    url: url!,
    send: async (client, payload) => {
      const body = { payload: Buffer.from(payload).toString('base64'), client, topic: topicOf(traffic, client), at: 0 };
      await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(body) }));
    },
    pause: () => enable(false),
    resume: () => enable(true),
    receiveUntil: async (receives) => {
      await eventually(`${receives} receives`, async () => {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            VisibilityTimeout: 0,
            MessageSystemAttributeNames: ['ApproximateReceiveCount'],
          }),
        );
        return Messages.some(({ Attributes: { ApproximateReceiveCount = 0 } = {} }) => {
          return Number(ApproximateReceiveCount) >= receives;
        });
      });
    },
    drained: async () => void (await idle()),
    close: async () => {
      await lambda(cloud, 'DELETE', UUID);
      await sqs.send(new DeleteQueueCommand({ QueueUrl: url }));
    },
  };
}

interface Mapping {
  UUID: string;
  BatchSize: number;
  FunctionResponseTypes: string[];
  ScalingConfig: object;
}

async function lambda(
  { endpoint }: FleetCloud['cloud'],
  method: string,
  rest: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(`${endpoint}/2015-03-31/event-source-mappings/${rest}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} event source mapping ${rest}: ${response.status} ${text}`);
  return JSON.parse(text);
}
