import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context } from 'aws-lambda';
import { clientOptions } from '../../adapters/aws/client-options.ts';
import { openDynamoItems } from '../../adapters/aws/dynamo-items.ts';
import { createCloudStore } from '../../adapters/aws/record-store.ts';
import { createS3Objects } from '../../adapters/aws/s3-objects.ts';
import { createSqsQueue } from '../../adapters/aws/sqs-queue.ts';
import { createStdoutLogger } from '../../adapters/aws/stdout-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { systemRandom } from '../../adapters/embedded/system-random.ts';
import { createdOnce } from '../cold-start.ts';
import { landedMessage } from '../landed-message.ts';
import { readVariables, sweepVariables } from '../variables.ts';
import type { SweepResult } from './env.ts';
import { createHandler } from './handler.ts';

const open = createdOnce(async () => {
  const variables = readVariables(sweepVariables, process.env);
  const logger = createStdoutLogger();
  const nowMs = systemClock.wallMs;
  const objects = createS3Objects(new S3Client(clientOptions()), variables.HEADWATER_BUCKET);
  const table = await openDynamoItems(new DynamoDBClient(clientOptions()), variables.HEADWATER_TABLE);
  const sendLanded = createSqsQueue(new SQSClient(clientOptions()), variables.HEADWATER_LANDED_QUEUE_URL);
  const landed = (keys: readonly string[]) => sendLanded(landedMessage(keys));
  const store = createCloudStore({ objects, table, random: systemRandom, logger, nowMs, landed });
  return createHandler({ objects, table, finishStaged: store.finishStaged, sendLanded, nowMs, logger });
});

/** The function that a schedule starts every hour. */
export const handler = async (_event: unknown, context: Context): Promise<SweepResult> =>
  (await open())(() => context.getRemainingTimeInMillis());
