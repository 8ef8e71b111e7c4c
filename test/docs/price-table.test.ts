import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { priceBatch } from '../../docs/make/envelope-price.ts';
import { blockOf } from '../../docs/make/marked-block.ts';
import { priceTable, readPrices } from '../../docs/make/price-table.ts';

const prices = await readPrices();

test('the price table of docs/deploy.md is what npm run docs:price writes', async () => {
  const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  expect(blockOf(page, 'price')?.trim()).toBe((await priceTable(prices)).trim());
});

test('a fuller batch is cheaper an envelope, and the parts add up to the whole', async () => {
  const alone = await priceBatch(prices, { nodes: 1, envelopesEach: 1, readings: 100, lane: 2 });
  const many = await priceBatch(prices, { nodes: 5, envelopesEach: 10, readings: 100, lane: 2 });
  expect(many.perMillionEnvelopes).toBeLessThan(alone.perMillionEnvelopes / 5);
  const sum = many.parts.reduce((total, [, usd]) => total + usd, 0);
  expect(sum).toBeCloseTo(many.perMillionEnvelopes, 9);
});
