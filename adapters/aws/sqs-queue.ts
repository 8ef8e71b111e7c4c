import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Sends one message to a queue. */
export const createSqsQueue =
  (client: SQSClient, queueUrl: string) =>
  async (body: string): Promise<void> => {
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));
  };
