import { gunzipSync, gzipSync } from 'node:zlib';
import type { SQSEvent } from 'aws-lambda';
import { createCloudStore } from '../adapters/aws/record-store.ts';
import { openByteCodec } from '../adapters/compression/byte-codec.ts';
import { createMemoryItemTable } from '../adapters/memory/item-table.ts';
import { createMemoryAudit, createMemoryLogger } from '../adapters/memory/logger.ts';
import { createMemoryObjectStore } from '../adapters/memory/object-store.ts';
import { decodeRows } from '../adapters/parquet/landing-rows.ts';
import { encodePartials } from '../adapters/parquet/partial-rows.ts';
import type { Envelope } from '../core/envelope.ts';
import { decodeEnvelope, encodeEnvelope } from '../core/envelope-codec.ts';
import { createSeededRandom } from '../core/seeded-random.ts';
import { createHandler } from '../lambdas/aggregate/handler.ts';
import { createIngest } from '../lambdas/ingest/handler.ts';
import { lanesOf, planBatch } from '../lambdas/ingest/plan-batch.ts';
import { median, ratios, short, spread } from './support/figures.ts';
import type { Claim, Section } from './support/section.ts';
import { machineReadings } from './support/small-factory.ts';

const BATCHES = 20;
const ENVELOPES = 10;
const READINGS = 500;
const ROUNDS = 7;
const ALL = BATCHES * ENVELOPES * READINGS;
const START_MS = Date.UTC(2026, 0, 5, 6);

export const cloud: Claim = { id: 'cloud', title: 'Ingest and aggregate functions', run };

type Timed = Record<'ingest' | 'envelopes' | 'json' | 'aggregate' | 'decode' | 'parse', number[]>;

async function run(): Promise<Section> {
  const envelopes = envelopesOf(await machineReadings(ALL));
  const coded = envelopes.map((envelope) => encodeEnvelope(envelope));
  const zipped = envelopes.map((envelope) => gzipSync(JSON.stringify(envelope), { level: 6 }));
  const times: Timed = { ingest: [], envelopes: [], json: [], aggregate: [], decode: [], parse: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const one = {
      ingest: await timed(() => ingestAll(coded)),
      envelopes: await timed(() => storeAll(coded, decodeCoded)),
      json: await timed(() => storeAll(zipped, decodeZipped)),
      aggregate: await aggregateAll(coded),
      decode: await timed(async () => void coded.map(decodeCoded)),
      parse: await timed(async () => void zipped.map(decodeZipped)),
    };
    if (round === 0) continue; // compiled before it is measured
    for (const [name, ms] of Object.entries(one)) times[name as keyof Timed].push(ms);
  }
  const perMillion = (ms: readonly number[]): string => spread(ms.map((value) => (value * 1e6) / ALL));
  const rate = spread(times.ingest.map((ms) => (BATCHES * ENVELOPES * 1_000) / ms));
  const faster = ratios(times.json, times.envelopes);
  const decoding = ratios(times.parse, times.decode);
  const row = (what: string, name: keyof Timed): string[] => [what, perMillion(times[name])];
  return {
    says: `One core takes in ${rate} envelopes of ${READINGS} readings a second, ${perMillion(times.ingest)} ms a million readings, and summarises a million in ${perMillion(times.aggregate)} ms; the same records as JSON + gzip through the same path take ${spread(faster)} times as long.`,
    method: `${ALL.toLocaleString('en-US')} readings of 20 simulated machines × 5 streams in envelopes of ${READINGS}, ${ENVELOPES} envelopes a batch, on a bucket and a table in memory; the whole handler: decoding, judging, rows, Parquet, transaction, landing, answers. JSON + gzip: each envelope as JSON.stringify of its header and records, gzip level 6, then judged and stored by the same functions.`,
    noise: `${ROUNDS} rounds, in turns, after one for the compiler; median (smallest–largest); ratios round by round.`,
    tables: [
      {
        head: ['step', 'ms a million readings, one core'],
        rows: [
          row('ingest handler, whole', 'ingest'),
          row('envelopes → judged → stored', 'envelopes'),
          row('JSON + gzip → judged → stored', 'json'),
          row('decode envelopes alone', 'decode'),
          row('gunzip and JSON.parse alone', 'parse'),
          row('aggregate handler: read Parquet, summarise, write Parquet', 'aggregate'),
        ],
      },
      {
        head: ['ratio', '×'],
        rows: [
          ['time of JSON + gzip through the path, against envelopes', spread(faster)],
          ['time of gunzip and JSON.parse, against decoding envelopes', spread(decoding)],
        ],
      },
    ],
    promises: [
      {
        what: 'cloud decode + aggregate against JSON array + gzip',
        promised: 'floor 5×, aim 8×',
        reached: `decoding alone ${short(median(decoding))}×`,
        kept: 'not measured yet',
      },
    ],
    caveats: [
      'the time that S3, DynamoDB and the network take; Lambda bills it as well. Node of this machine, not Node 24 on arm64.',
    ],
  };
}

const codec = await openByteCodec();
const decodeCoded = (bytes: Uint8Array): Envelope => {
  const decoded = decodeEnvelope(bytes, codec);
  if (!decoded.ok) throw new Error(decoded.detail);
  return decoded.envelope;
};
const decodeZipped = (bytes: Uint8Array): Envelope => JSON.parse(gunzipSync(bytes).toString()) as Envelope;

function envelopesOf(readings: Awaited<ReturnType<typeof machineReadings>>): Envelope[] {
  return Array.from({ length: BATCHES * ENVELOPES }, (_, index) => {
    const from = index * READINGS;
    const header = {
      ...{ site: 'bench', node: 'bench', producer: 'sense', epoch: 'b'.repeat(16), lane: 2 as const },
      ...{ from, to: from + READINGS, givenUp: [], hash: from.toString(16).padStart(16, '0') },
    };
    return { header, records: readings.slice(from, from + READINGS) };
  });
}

/** A store of its own for each run: an index that grows would slow the later ones. */
function newStore() {
  const objects = createMemoryObjectStore(() => START_MS);
  const landed: string[] = [];
  const store = createCloudStore({
    objects,
    table: createMemoryItemTable('bench'),
    logger: createMemoryLogger(),
    nowMs: () => START_MS,
    random: createSeededRandom(1n),
    landed: async (keys) => void landed.push(...keys),
  });
  return { store, objects, landed };
}

async function ingestAll(payloads: readonly Uint8Array[]) {
  const { store, objects, landed } = newStore();
  const ingest = createIngest({
    store,
    codec,
    nowMs: () => START_MS,
    logger: createMemoryLogger(),
    audit: createMemoryAudit(),
    mayCarry: () => true,
  });
  for (const batch of batchesOf(payloads)) {
    const { answers } = await ingest(batch.map((payload) => ({ client: 'bench', payload })));
    if (answers.length === 0) throw new Error('a batch was not acknowledged');
  }
  return { objects, landed };
}

/** The path after decoding, for any form of the envelopes. */
async function storeAll(payloads: readonly Uint8Array[], decode: (bytes: Uint8Array) => Envelope): Promise<void> {
  const { store } = newStore();
  for (const batch of batchesOf(payloads)) {
    const opened = batch.map((payload) => ({ kind: 'envelope' as const, envelope: decode(payload) }));
    const keys = lanesOf(opened);
    const indexes = await store.readLanes(keys);
    const lanes = keys.map((key, at) => ({ key, index: indexes[at]! }));
    const { change } = planBatch(opened, lanes, new Map(), START_MS);
    if (change === undefined || (await store.commit(change)) !== 'committed') throw new Error('a batch was not stored');
  }
}

async function aggregateAll(payloads: readonly Uint8Array[]): Promise<number> {
  const { objects, landed } = await ingestAll(payloads);
  const aggregate = createHandler({ objects, decodeRows, encodePartials, logger: createMemoryLogger() });
  const record = { messageId: 'all', body: JSON.stringify({ keys: landed }) };
  return timed(async () => {
    const { batchItemFailures } = await aggregate({ Records: [record] } as unknown as SQSEvent);
    if (batchItemFailures.length > 0) throw new Error('landed objects were not summarised');
  });
}

function* batchesOf(payloads: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  for (let at = 0; at < payloads.length; at += ENVELOPES) yield payloads.slice(at, at + ENVELOPES);
}

/** ms of processor time: the machine is shared. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
