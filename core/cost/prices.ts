import * as z from 'zod';

/** How sure we are of a price. */
export const CERTAINTIES = ['page', 'several', 'one', 'memory'] as const;

const price = z.strictObject({
  usd: z.number().min(0),
  /** So many units cost `usd`. */
  per: z.number().positive(),
  unit: z.string(),
  certainty: z.enum(CERTAINTIES),
  source: z.string(),
  conflict: z.string().optional(),
});
export type Price = z.output<typeof price>;

/** The items that our own sums use; the file may hold more. */
export const PRICED = [
  'iot-message',
  'iot-rule',
  'iot-action',
  'lambda-request',
  'lambda-arm-gb-second',
  'sqs-request',
  'sns-publish',
  's3-put',
  's3-get',
  'dynamodb-write-unit',
  'dynamodb-read-unit',
] as const;
export type PricedItem = (typeof PRICED)[number];

/** A price file, such as prices/us-east-1.yaml. */
export const pricesSchema = z
  .strictObject({
    region: z.string(),
    currency: z.literal('USD'),
    read: z.string(),
    items: z.record(z.string(), price),
  })
  .superRefine(({ items }, context) => {
    for (const item of PRICED) {
      if (!Object.hasOwn(items, item))
        context.addIssue({ code: 'custom', path: ['items', item], message: 'is missing' });
    }
  });
export type Prices = z.output<typeof pricesSchema>;

/** Units used, by item. */
export type Usage = Partial<Record<PricedItem, number>>;

/** USD for one unit of it. */
export const unitPrice = (prices: Prices, item: PricedItem): number =>
  prices.items[item]!.usd / prices.items[item]!.per;

/** USD for all of it. */
export const costOf = (prices: Prices, usage: Usage): number =>
  Object.entries(usage).reduce((sum, [item, units]) => sum + units * unitPrice(prices, item as PricedItem), 0);

export const addUsage = (...parts: readonly Usage[]): Usage => {
  const sum: Usage = {};
  for (const [item, units] of parts.flatMap((part) => Object.entries(part))) {
    sum[item as PricedItem] = (sum[item as PricedItem] ?? 0) + units;
  }
  return sum;
};

export const timesUsage = (usage: Usage, factor: number): Usage =>
  Object.fromEntries(Object.entries(usage).map(([item, units]) => [item, units * factor]));
