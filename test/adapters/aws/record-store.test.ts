import { expect, test } from '@jest/globals';
import { createCloudStore } from '../../../adapters/aws/record-store.ts';
import { createMemoryAudit } from '../../../adapters/memory/logger.ts';
import { COLD_PREFIXES } from '../../../core/cold-layout.ts';
import { DT_PROJECTION } from '../../../core/cold-tables.ts';
import { liveRanges } from '../../../core/envelope.ts';
import { readProjection } from '../../../core/partition-projection.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { contractMayCarry, farSideContract } from '../../contracts/far-side.ts';
import { recordStoreContract, type StoreUnderTest } from '../../contracts/record-store.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import {
  asideMessages,
  type CloudData,
  cloudStoreOn,
  countedRecords,
  emptyCloud,
  indexedPositions,
  landedRows,
  statedLanes,
} from '../../helpers/cloud-store.ts';
import { envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';
import { changeOf, laneKeyIn, storedOf } from '../../helpers/store-change.ts';

const underTest = (data: CloudData): StoreUnderTest => ({
  store: cloudStoreOn(data),
  rows: () => landedRows(data),
  statements: async () => statedLanes(data),
  poison: () => asideMessages(data),
  poisonCounts: undefined,
  reopen: async () => underTest(data),
  close: async () => undefined,
});

const DAY_MS = 86_400_000;

recordStoreContract('objects and items', 'durable', async () => underTest(emptyCloud()));

const ingestOn = (data: CloudData) =>
  createIngest({
    store: cloudStoreOn(data),
    codec: byteCodec,
    nowMs: () => START_MS,
    logger: silentLogger,
    audit: createMemoryAudit(),
    mayCarry: contractMayCarry,
  });

farSideContract('ingest on objects and items', async () => {
  const data = emptyCloud();
  let ingest = ingestOn(data);
  return {
    deliver: async (client, payloads) => {
      const result = await ingest(payloads.map((payload) => ({ client, payload })));
      return { answers: result.answers.map(({ payload }) => payload), failed: result.failed.length };
    },
    rows: () => landedRows(data),
    indexed: async () => indexedPositions(data),
    poison: () => asideMessages(data),
    reopen: async () => {
      ingest = ingestOn(data);
    },
    close: async () => undefined,
  };
});

test('one object per day of the records and batch; nothing stays staged; counters count rows; objects are announced', async () => {
  const data = emptyCloud();
  const day = 86_400_000;
  const records = [0, 1, 2, 3].map((at) => recordAt(at, { ts: START_MS + (at % 2) * day }));
  expect(await cloudStoreOn(data).commit(changeOf(envelopeOf(0, 4, { records })))).toBe('committed');
  const landed = data.objects.keys(COLD_PREFIXES.landing);
  expect(landed.map((key) => key.slice(0, 'landing/dt=2026-01-01'.length))).toEqual([
    `landing/dt=${new Date(START_MS).toISOString().slice(0, 10)}`,
    `landing/dt=${new Date(START_MS + day).toISOString().slice(0, 10)}`,
  ]);
  expect(data.objects.keys(COLD_PREFIXES.staging)).toEqual([]);
  expect(data.announced).toEqual(landed);
  expect(countedRecords(data)).toBe(4);
});

test('every stored row lies where the projection of the tables looks, whatever its time', async () => {
  const times = [
    -(2 ** 50),
    0,
    Date.UTC(1999, 11, 31),
    START_MS,
    START_MS + 3 * DAY_MS,
    Date.UTC(9999, 11, 31, 23, 59, 59, 999),
    2 ** 50,
  ];
  const { type, format, range } = DT_PROJECTION;
  const projection = readProjection(
    {
      'projection.enabled': 'true',
      'projection.dt.type': type,
      'projection.dt.format': format,
      'projection.dt.range': range,
      'storage.location.template': `s3://cold/${COLD_PREFIXES.landing}dt=\${dt}/`,
    },
    START_MS,
  );
  const data = emptyCloud();
  const records = times.map((ts, at) => recordAt(at, { ts }));
  expect(await cloudStoreOn(data).commit(changeOf(envelopeOf(0, times.length, { records })))).toBe('committed');
  const keys = data.objects.keys(COLD_PREFIXES.landing);
  expect(keys.filter((key) => !projection.finds(`s3://cold/${key}`))).toEqual([]);
  expect((await landedRows(data)).map(({ ts }) => ts)).toEqual(times);
});

test('lanes with thousands of pieces in one batch: no item is larger than the table takes', async () => {
  const data = emptyCloud();
  const holes = Array.from({ length: 900 }, (_, at) => ({ from: 2 * at + 1, to: 2 * at + 2 }));
  const envelopes = Array.from({ length: 20 }, (_, at) => envelopeOf(0, 1_801, { node: `node-${at}`, givenUp: holes }));
  const lanes = envelopes.flatMap((envelope) => {
    const stored = liveRanges(envelope.header);
    return changeOf(envelope).lanes.map((lane) => ({ ...lane, stored }));
  });
  const change = changeOf(envelopes[0]!, 0, {
    lanes,
    hashes: envelopes.flatMap((envelope) => changeOf(envelope).hashes),
    envelopes: envelopes.map(storedOf),
  });
  expect(await cloudStoreOn(data).commit(change)).toBe('committed');
  expect(indexedPositions(data).stored).toBe(20 * 901);
});

test('a change of more lanes than a transaction holds is several, each complete', async () => {
  const data = emptyCloud();
  const envelopes = Array.from({ length: 100 }, (_, at) => envelopeOf(0, 2, { node: `node-${at}` }));
  const change = changeOf(envelopes[0]!, 0, {
    lanes: envelopes.flatMap((envelope) => changeOf(envelope).lanes),
    hashes: envelopes.flatMap((envelope) => changeOf(envelope).hashes),
    envelopes: envelopes.map(storedOf),
  });
  expect(await cloudStoreOn(data).commit(change)).toBe('committed');
  expect(await landedRows(data)).toHaveLength(200);
  expect(data.objects.keys(COLD_PREFIXES.landing).length).toBe(4);
  expect(indexedPositions(data).stored).toBe(200);
});

test('a lane in many pieces: all hashes are kept', async () => {
  const data = emptyCloud();
  const pieces = Array.from({ length: 60 }, (_, at) => envelopeOf(3 * at, 3 * at + 2));
  const key = laneKeyIn(pieces[0]!.header);
  const ranges = pieces.map(({ header }) => ({ from: header.from, to: header.to }));
  const change = changeOf(pieces[0]!, 0, {
    lanes: [{ key, expectedVersion: 0, stored: ranges, givenUp: [] }],
    hashes: pieces.flatMap((piece) => changeOf(piece).hashes),
    envelopes: pieces.map(storedOf),
  });
  const store = cloudStoreOn(data);
  expect(await store.commit(change)).toBe('committed');
  const found = await store.findHashes(ranges.map((range) => ({ key, ...range })));
  expect(found).toEqual(pieces.map(({ header }) => header.hash));
});

test('a change refused by a conflict leaves nothing staged', async () => {
  const data = emptyCloud();
  const store = cloudStoreOn(data);
  await store.commit(changeOf(envelopeOf(0, 3)));
  expect(await store.commit(changeOf(envelopeOf(0, 3)))).toBe('conflict');
  expect(data.objects.keys(COLD_PREFIXES.staging)).toEqual([]);
});

test('an announcement that fails is no failure of the commit', async () => {
  const data = emptyCloud();
  const store = createCloudStore({
    ...data,
    logger: silentLogger,
    nowMs: () => START_MS,
    random: { u64: () => 7n, fraction: () => 0 },
    landed: () => Promise.reject(new Error('queue away')),
  });
  expect(await store.commit(changeOf(envelopeOf(0, 3)))).toBe('committed');
});

test('poison that comes twice is kept once', async () => {
  const data = emptyCloud();
  const message = {
    client: 'node-a',
    reason: 'undecodable' as const,
    detail: '',
    payload: new Uint8Array(3),
    atMs: START_MS,
  };
  await cloudStoreOn(data).putAside([message]);
  await cloudStoreOn(data).putAside([message, { ...message, client: 'node-b' }]);
  expect((await asideMessages(data)).map(({ client }) => client).sort()).toEqual(['node-a', 'node-b']);
});
