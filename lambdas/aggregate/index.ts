import { S3Client } from '@aws-sdk/client-s3';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { clientOptions } from '../../adapters/aws/client-options.ts';
import { createS3Objects } from '../../adapters/aws/s3-objects.ts';
import { createStdoutLogger } from '../../adapters/aws/stdout-logger.ts';
import { decodeRows } from '../../adapters/parquet/landing-rows.ts';
import { encodePartials } from '../../adapters/parquet/partial-rows.ts';
import { createdOnce } from '../cold-start.ts';
import { aggregateVariables, readVariables } from '../variables.ts';
import { createHandler } from './handler.ts';

const open = createdOnce(async () => {
  const variables = readVariables(aggregateVariables, process.env);
  const objects = createS3Objects(new S3Client(clientOptions()), variables.HEADWATER_BUCKET);
  return createHandler({ objects, decodeRows, encodePartials, logger: createStdoutLogger() });
});

/** The function behind the queue of landed objects. */
export const handler = async (event: SQSEvent): Promise<SQSBatchResponse> => (await open())(event);
