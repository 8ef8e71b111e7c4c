import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { clientOptions } from '../../adapters/aws/client-options.ts';
import { openDynamoItems } from '../../adapters/aws/dynamo-items.ts';
import { createIotAnswers } from '../../adapters/aws/iot-answers.ts';
import { createCloudStore } from '../../adapters/aws/record-store.ts';
import { createS3Objects } from '../../adapters/aws/s3-objects.ts';
import { createSnsNotices } from '../../adapters/aws/sns-notices.ts';
import { createSqsQueue } from '../../adapters/aws/sqs-queue.ts';
import { createLogAudit, createStdoutLogger } from '../../adapters/aws/stdout-logger.ts';
import { openByteCodec } from '../../adapters/compression/byte-codec.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { systemRandom } from '../../adapters/embedded/system-random.ts';
import { hasNode } from '../../core/node-groups.ts';
import { createdOnce } from '../cold-start.ts';
import { landedMessage } from '../landed-message.ts';
import { ingestVariables, readVariables } from '../variables.ts';
import { createQueueBatch } from './queue-batch.ts';

const open = createdOnce(async () => {
  const variables = readVariables(ingestVariables, process.env);
  const logger = createStdoutLogger();
  const table = await openDynamoItems(new DynamoDBClient(clientOptions()), variables.HEADWATER_TABLE);
  const sendLanded = createSqsQueue(new SQSClient(clientOptions()), variables.HEADWATER_LANDED_QUEUE_URL);
  const store = createCloudStore({
    objects: createS3Objects(new S3Client(clientOptions()), variables.HEADWATER_BUCKET),
    table,
    random: systemRandom,
    logger,
    nowMs: systemClock.wallMs,
    landed: (keys) => sendLanded(landedMessage(keys)),
  });
  const topicArn = variables.HEADWATER_CRITICAL_TOPIC_ARN;
  const hasNotices = variables.HEADWATER_TRAFFIC === 'critical' && topicArn !== undefined;
  return createQueueBatch(
    {
      store,
      table,
      codec: await openByteCodec(),
      logger,
      audit: createLogAudit(logger),
      nowMs: systemClock.wallMs,
      after: systemClock.after,
      mayCarry: (client, node) => client === node && hasNode(variables.HEADWATER_NODES, node),
      publish: createIotAnswers(new IoTDataPlaneClient(clientOptions())),
      ...(hasNotices && { notify: createSnsNotices(new SNSClient(clientOptions()), topicArn) }),
    },
    variables.HEADWATER_FLEET,
  );
});

/** The function behind a topic rule's queue. */
export const handler = async (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  (await open())(event, () => context.getRemainingTimeInMillis());
