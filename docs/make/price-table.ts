import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { PRICED, type Prices, pricesSchema } from '../../core/cost/prices.ts';
import { ASSUMED_FUNCTIONS, type EnvelopePrice, type PricedBatch, priceBatch } from './envelope-price.ts';

const BATCHES: readonly PricedBatch[] = [
  { nodes: 1, envelopesEach: 1, readings: 1, lane: 0 },
  { nodes: 5, envelopesEach: 2, readings: 500, lane: 2 },
  { nodes: 7, envelopesEach: 5, readings: 500, lane: 2 },
  { nodes: 35, envelopesEach: 1, readings: 500, lane: 2 },
];

export async function readPrices(): Promise<Prices> {
  const text = await readFile(new URL('../../prices/us-east-1.yaml', import.meta.url), 'utf8');
  return pricesSchema.parse(parse(text));
}

/** What a million envelopes cost, by how they come in batches; Markdown. */
export async function priceTable(prices: Prices): Promise<string> {
  const rows = await Promise.all(BATCHES.map((batch) => priceBatch(prices, batch)));
  const weak = PRICED.filter((item) => ['memory', 'one'].includes(prices.items[item]!.certainty));
  return [
    '| one batch of the function | readings an envelope | USD a million envelopes | USD a million readings | the largest parts |',
    '|---|---|---|---|---|',
    ...rows.map(rowText),
    '',
    `Prices of ${prices.region} as read in ${prices.read} (prices/${prices.region}.yaml; none checked against the live list;`,
    `known from one source or from memory only: ${weak.join(', ')}). Requests and`,
    'bytes are counted by running the real ingest on a bucket and a table that meter; the time of the functions is an',
    `assumption: ${ASSUMED_FUNCTIONS.ingestMs} ms for ingest and ${ASSUMED_FUNCTIONS.aggregateMs} ms for aggregate a batch at ${ASSUMED_FUNCTIONS.memoryMb} MB. Not in it: storage, connection`,
    'minutes, polling of empty queues, logs, KMS requests, critical notices.',
    '',
  ].join('\n');
}

function rowText({ nodes, envelopesEach, readings, lane, ...price }: EnvelopePrice): string {
  const batch = `${count(nodes, 'node')}, ${count(envelopesEach, 'envelope')} each${lane === 0 ? ', critical' : ''}`;
  const parts = price.parts
    .slice(0, 3)
    .map(([name, usd]) => `${name} ${usd.toFixed(2)}`)
    .join(', ');
  const { perMillionEnvelopes, perMillionReadings } = price;
  return `| ${batch} | ${readings} | ${perMillionEnvelopes.toFixed(2)} | ${perMillionReadings.toFixed(4)} | ${parts} |`;
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
