import { createCloudStore } from '../../adapters/aws/record-store.ts';
import { openByteCodec } from '../../adapters/compression/byte-codec.ts';
import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { batchUsage, type FunctionShape } from '../../core/cost/envelope-usage.ts';
import { addUsage, costOf, type Prices, type Usage } from '../../core/cost/prices.ts';
import type { Envelope } from '../../core/envelope.ts';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import type { Lane } from '../../core/priority.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { meteredCloud } from './metered-cloud.ts';

/** So many nodes send so many envelopes of one lane each into one batch. */
export interface PricedBatch {
  nodes: number;
  envelopesEach: number;
  readings: number;
  lane: Lane;
}

export interface EnvelopePrice extends PricedBatch {
  envelopeBytes: number;
  /** USD a million envelopes, and a million readings. */
  perMillionEnvelopes: number;
  perMillionReadings: number;
  /** USD a million envelopes by part of the path, largest first. */
  parts: [name: string, usd: number][];
}

/** Measured on neither of the accounts this was priced for: an assumption, so that the sum has no hole. */
export const ASSUMED_FUNCTIONS: FunctionShape = { ingestMs: 400, aggregateMs: 200, memoryMb: 1_769 };

const PARTS: Readonly<Record<string, readonly (keyof Usage)[]>> = {
  'IoT rule and action': ['iot-rule', 'iot-action'],
  answers: ['iot-message'],
  queues: ['sqs-request'],
  functions: ['lambda-request', 'lambda-arm-gb-second'],
  objects: ['s3-put', 's3-get'],
  index: ['dynamodb-write-unit', 'dynamodb-read-unit'],
};

/** Runs the real ingest on a bucket and a table that count; the second batch of each lane is the one that is priced. */
export async function priceBatch(prices: Prices, batch: PricedBatch): Promise<EnvelopePrice> {
  const nowMs = (): number => Date.UTC(2026, 0, 1);
  const cloud = meteredCloud(nowMs);
  let bits = 0n;
  let landed: string[] = [];
  const store = createCloudStore({
    ...cloud,
    logger: createMemoryLogger(),
    nowMs,
    random: { u64: () => bits++, fraction: () => 0 },
    landed: async (keys) => void landed.push(...keys),
  });
  const ingest = createIngest({
    store,
    codec: await openByteCodec(),
    nowMs,
    logger: createMemoryLogger(),
    audit: createMemoryAudit(),
    mayCarry: () => true,
  });
  await ingest(messagesOf(batch, 0));
  const before = { ...cloud.usage };
  landed = [];
  const messages = messagesOf(batch, 1);
  const { answers } = await ingest(messages);
  const stored = Object.fromEntries(
    Object.entries(cloud.usage).map(([item, units]) => [item, units - (before[item as keyof Usage] ?? 0)]),
  );
  const envelopeBytes = Math.round(sum(messages.map(({ payload }) => payload.length)) / messages.length);
  const usage = addUsage(
    stored,
    batchUsage(
      {
        envelopes: messages.length,
        envelopeBytes,
        answers: answers.length,
        answerBytes: Math.max(...answers.map(({ payload }) => payload.length)),
        objects: landed.length,
      },
      ASSUMED_FUNCTIONS,
    ),
  );
  const scale = 1_000_000 / messages.length;
  const perMillionEnvelopes = costOf(prices, usage) * scale;
  const parts = Object.entries(PARTS).map(([name, items]): [string, number] => [
    name,
    costOf(prices, Object.fromEntries(items.map((item) => [item, usage[item] ?? 0]))) * scale,
  ]);
  return {
    ...batch,
    envelopeBytes,
    perMillionEnvelopes,
    perMillionReadings: perMillionEnvelopes / batch.readings,
    parts: parts.sort((a, b) => b[1] - a[1]),
  };
}

function messagesOf({ nodes, envelopesEach, readings, lane }: PricedBatch, round: number) {
  return Array.from({ length: nodes }, (_, at) => `node-${at}`).flatMap((node) =>
    Array.from({ length: envelopesEach }, (_, index) => {
      const from = (round * envelopesEach + index) * readings;
      return { client: node, payload: encodeEnvelope(envelopeOf(node, lane, from, readings)) };
    }),
  );
}

/** A hundred streams in turn, values with two decimals: what machines send. */
function envelopeOf(node: string, lane: Lane, from: number, readings: number): Envelope {
  return {
    header: {
      site: 'site',
      node,
      producer: 'sense',
      epoch: '0'.repeat(16),
      lane,
      from,
      to: from + readings,
      givenUp: [],
      hash: from.toString(16).padStart(16, '0'),
    },
    records: Array.from({ length: readings }, (_, index) => ({
      device: `device-${String(index % 20).padStart(3, '0')}`,
      stream: `stream-${index % 5}`,
      ts: Date.UTC(2026, 0, 1) + 1_000 * Math.floor(index / 100),
      value: Math.round(2_000 + 300 * Math.sin((from + index) / 40)) / 100,
      quality: 'good',
      clock: 'synced',
    })),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
