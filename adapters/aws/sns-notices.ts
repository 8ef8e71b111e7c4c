import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';

/** Publishes to one topic. */
export const createSnsNotices =
  (client: SNSClient, topicArn: string) =>
  async ({ subject, body }: { subject: string; body: string }): Promise<void> => {
    await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject, Message: body }));
  };
