import { expect, test } from '@jest/globals';
import { batchUsage } from '../../../core/cost/envelope-usage.ts';
import { addUsage, costOf, pricesSchema, timesUsage, unitPrice } from '../../../core/cost/prices.ts';
import { readPrices } from '../../../docs/make/price-table.ts';

const prices = await readPrices();

test('the price file that ships holds every item, with source and certainty', () => {
  expect(prices.region).toBe('us-east-1');
  for (const item of Object.values(prices.items)) expect(item.source).not.toBe('');
});

test('an item that our sums need may not be missing, a key may not be misspelt', () => {
  const { 's3-put': _, ...rest } = prices.items;
  const read = pricesSchema.safeParse({ ...prices, items: rest });
  expect(read.error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`)).toEqual([
    'items.s3-put is missing',
  ]);
  expect(pricesSchema.safeParse({ ...prices, items: { ...prices.items, x: { usd: 1 } } }).success).toBe(false);
});

test('worked by hand: one device, one message of 5 KB a minute for a month through Basic Ingest', () => {
  const messages = 60 * 24 * 30;
  const usage = timesUsage({ 'iot-rule': 1, 'iot-action': 1 }, messages);
  expect(costOf(prices, usage)).toBeCloseTo(0.01296, 8); // 43,200 × (0.15 + 0.15) / 1e6
  expect(unitPrice(prices, 's3-put')).toBeCloseTo(0.000005, 12);
});

test('steps of 5 KB and 64 KB are whole, and base64 counts in the queue', () => {
  const shape = { envelopes: 10, answers: 2, answerBytes: 4_500, objects: 1 };
  const functions = { ingestMs: 500, aggregateMs: 500, memoryMb: 1_024 };
  const small = batchUsage({ ...shape, envelopeBytes: 5 * 1_024 }, functions);
  expect(small).toMatchObject({
    'iot-rule': 10,
    'iot-message': 2,
    'sqs-request': 10 + 2 + 3,
    'lambda-arm-gb-second': 1,
  });
  const large = batchUsage({ ...shape, envelopeBytes: 128 * 1_024 }, functions);
  expect(large).toMatchObject({ 'iot-rule': 260, 'sqs-request': 30 + 6 + 3 });
});

test('usages add up item by item', () => {
  expect(addUsage({ 's3-put': 1 }, { 's3-put': 2, 's3-get': 1 })).toEqual({ 's3-put': 3, 's3-get': 1 });
});
