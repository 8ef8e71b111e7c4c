import type { Usage } from './prices.ts';

/** How AWS counts: https://aws.amazon.com/iot-core/pricing, /sqs/pricing, /dynamodb/pricing/on-demand. */
const IOT_STEP_BYTES = 5 * 1024;
const SQS_STEP_BYTES = 64 * 1024;
/** Lambda's poller receives and deletes up to ten messages a request. */
const SQS_MESSAGES_A_REQUEST = 10;

/** One batch of envelopes, as the ingest function gets it. */
export interface BatchShape {
  envelopes: number;
  /** Bytes of one envelope. */
  envelopeBytes: number;
  /** Answers, one message each. */
  answers: number;
  answerBytes: number;
  /** Objects that the batch becomes. */
  objects: number;
}

/** What the functions take, one batch each. */
export interface FunctionShape {
  ingestMs: number;
  aggregateMs: number;
  memoryMb: number;
}

/** Everything outside the store that one batch uses: rule, queues, functions, answers. No polling of empty queues. */
export function batchUsage(batch: BatchShape, functions: FunctionShape): Usage {
  const iotSteps = Math.ceil(batch.envelopeBytes / IOT_STEP_BYTES);
  const sqsSteps = Math.ceil((batch.envelopeBytes * 4) / 3 / SQS_STEP_BYTES); // base64 in the queue
  const receives = Math.ceil(batch.envelopes / SQS_MESSAGES_A_REQUEST);
  return {
    'iot-rule': batch.envelopes * iotSteps,
    'iot-action': batch.envelopes * iotSteps,
    'iot-message': batch.answers * Math.ceil(batch.answerBytes / IOT_STEP_BYTES),
    // In, out, deleted; and one announcement of what landed.
    'sqs-request': batch.envelopes * sqsSteps + 2 * receives * sqsSteps + 3,
    'lambda-request': 2,
    'lambda-arm-gb-second': ((functions.ingestMs + functions.aggregateMs) / 1_000) * (functions.memoryMb / 1_024),
    's3-get': batch.objects,
    's3-put': batch.objects,
  };
}
