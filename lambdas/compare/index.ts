import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { clientOptions } from '../../adapters/aws/client-options.ts';
import { createCloudWatchMetrics } from '../../adapters/aws/cloudwatch-metrics.ts';
import { openDynamoItems } from '../../adapters/aws/dynamo-items.ts';
import { createNodeIndexReader } from '../../adapters/aws/node-index.ts';
import { createStdoutLogger } from '../../adapters/aws/stdout-logger.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { metricNamespaceOf } from '../../core/cloud-names.ts';
import { createdOnce } from '../cold-start.ts';
import { compareVariables, readVariables } from '../variables.ts';
import type { CompareResult } from './env.ts';
import { createHandler } from './handler.ts';

const open = createdOnce(async () => {
  const variables = readVariables(compareVariables, process.env);
  const table = await openDynamoItems(new DynamoDBClient(clientOptions()), variables.HEADWATER_TABLE);
  const namespace = metricNamespaceOf(variables.HEADWATER_FLEET);
  return createHandler(
    {
      readIndex: createNodeIndexReader(table),
      putMetrics: createCloudWatchMetrics(new CloudWatchClient(clientOptions()), namespace),
      nowMs: systemClock.wallMs,
      logger: createStdoutLogger(),
    },
    variables.HEADWATER_NODES,
  );
});

/** The function that a schedule starts every five minutes. */
export const handler = async (): Promise<CompareResult> => (await open())();
