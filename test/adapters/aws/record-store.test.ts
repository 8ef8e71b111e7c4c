import { expect, test } from '@jest/globals';
import { createCloudStore } from '../../../adapters/aws/record-store.ts';
import { createMemoryAudit } from '../../../adapters/memory/logger.ts';
import { batchOfStaging, COLD_PREFIXES } from '../../../core/cold-layout.ts';
import { DT_PROJECTION } from '../../../core/cold-tables.ts';
import { liveRanges } from '../../../core/envelope.ts';
import { readProjection } from '../../../core/partition-projection.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { contractMayCarry, farSideContract } from '../../contracts/far-side.ts';
import { recordStoreContract, type StoreUnderTest } from '../../contracts/record-store.ts';
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
import { EPOCH_B, envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
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

/** Opened once; others wait for it. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

const DAY_MS = 86_400_000;

recordStoreContract('objects and items', 'durable', async () => underTest(emptyCloud()));

const ingestOn = (data: CloudData) =>
  createIngest({
    store: cloudStoreOn(data),
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
    Date.UTC(9999, 11, 31),
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

test('a copy that was under way while the batch was released does not stay', async () => {
  const data = emptyCloud();
  const { objects } = data;
  const late = cloudStoreOn(data, {
    objects: {
      ...objects,
      // The source is read; meanwhile it is lost, another one releases the batch; then the copy appears.
      copy: async (from, to) => {
        const body = await objects.get(from);
        await objects.delete([from]);
        const [batch] = data.table.items().filter(({ state }) => state === 'staged');
        await cloudStoreOn(data).finishStaged(batch!.pk.slice('batch#'.length));
        await objects.put(to, body!);
        return 'copied';
      },
    },
  });
  expect(await late.commit(changeOf(envelopeOf(0, 3)))).toBe('conflict');
  expect(await landedRows(data)).toEqual([]);
  expect(indexedPositions(data).stored).toBe(0);
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

test('a batch left staged by a writer that died lands when anyone reads its lane', async () => {
  const data = emptyCloud();
  const dying = cloudStoreOn(data, {
    objects: { ...data.objects, copy: () => Promise.reject(new Error('the process died')) },
  });
  await expect(dying.commit(changeOf(envelopeOf(0, 3)))).rejects.toThrow('the process died');
  expect(await landedRows(data)).toEqual([]);
  const [lane] = await cloudStoreOn(data).readLanes([laneKeyIn(envelopeOf(0, 3).header)]);
  expect(lane!.stored).toEqual([{ from: 0, to: 3 }]);
  expect(await landedRows(data)).toHaveLength(3);
  expect(data.objects.keys(COLD_PREFIXES.staging)).toEqual([]);
});

test('staged objects that are lost free their ranges, and the next sending is stored once', async () => {
  const data = emptyCloud();
  const days = [0, 1].map((at) => recordAt(at, { ts: START_MS + at * 86_400_000 }));
  const envelope = envelopeOf(0, 2, { records: days });
  const other = envelopeOf(0, 2, { epoch: EPOCH_B });
  await cloudStoreOn(data).commit(changeOf(other));
  const dying = cloudStoreOn(data, {
    objects: { ...data.objects, copy: () => Promise.reject(new Error('the process died')) },
  });
  await expect(dying.commit(changeOf(envelope))).rejects.toThrow('the process died');
  await data.objects.delete(data.objects.keys(COLD_PREFIXES.staging).slice(0, 1));
  const store = cloudStoreOn(data);
  const key = laneKeyIn(envelope.header);
  const [lane] = await store.readLanes([key]);
  expect(lane).toEqual({ version: 2, stored: [], givenUp: [] });
  expect(await landedRows(data)).toHaveLength(2); // the other epoch's: not even the day that was not lost
  expect(await store.findHashes([{ key, from: 0, to: 2 }])).toEqual([undefined]);
  expect(countedRecords(data)).toBe(2);
  expect(await store.commit(changeOf(envelope, 2))).toBe('committed');
  expect(await landedRows(data)).toHaveLength(4);
  expect(countedRecords(data)).toBe(4);
  expect(indexedPositions(data).stored).toBe(4);
});

test('objects lost after they were copied: a writer that says committed keeps its rows, whoever else found the loss', async () => {
  const data = emptyCloud();
  const marking = gate();
  const found = gate();
  const writer = cloudStoreOn(data, {
    table: {
      ...data.table,
      write: async (write) => {
        if (write.set?.state === 'landed') {
          marking.open();
          await found.opened;
        }
        return data.table.write(write);
      },
    },
  });
  const commit = writer.commit(changeOf(envelopeOf(0, 3)));
  await marking.opened;
  await data.objects.delete(data.objects.keys(COLD_PREFIXES.staging));
  const reader = cloudStoreOn(data, {
    objects: {
      ...data.objects,
      delete: async (keys) => {
        found.open();
        await commit;
        await data.objects.delete(keys);
      },
    },
  });
  const [lane] = await reader.readLanes([laneKeyIn(envelopeOf(0, 3).header)]);
  expect((await landedRows(data)).length).toBe((await commit) === 'committed' ? 3 : 0);
  expect(indexedPositions(data).stored).toBe((await landedRows(data)).length);
  expect(lane!.stored).toEqual([]);
});

test('what a slow writer copies of a batch that was released meanwhile does not stay', async () => {
  const data = emptyCloud();
  const records = [0, 1].map((at) => recordAt(at, { ts: START_MS + at * 86_400_000 }));
  const envelope = envelopeOf(0, 2, { records });
  const copying = gate();
  const released = gate();
  const writer = cloudStoreOn(data, {
    objects: {
      ...data.objects,
      copy: async (from, to) => {
        copying.open();
        await released.opened;
        return data.objects.copy(from, to);
      },
    },
  });
  const commit = writer.commit(changeOf(envelope));
  await copying.opened;
  await data.objects.delete(data.objects.keys(COLD_PREFIXES.staging).slice(1));
  const store = cloudStoreOn(data);
  await store.readLanes([laneKeyIn(envelope.header)]);
  expect(await store.commit(changeOf(envelope, 2))).toBe('committed');
  released.open();
  expect(await commit).toBe('conflict');
  expect(await landedRows(data)).toHaveLength(2);
});

test('a release that was cut off is brought to its end by the next reader', async () => {
  const data = emptyCloud();
  const envelope = envelopeOf(0, 3);
  const dying = cloudStoreOn(data, {
    objects: {
      ...data.objects,
      copy: async () => 'missing',
      delete: () => Promise.reject(new Error('the process died')),
    },
  });
  await expect(dying.commit(changeOf(envelope))).rejects.toThrow('the process died');
  const store = cloudStoreOn(data);
  const [lane] = await store.readLanes([laneKeyIn(envelope.header)]);
  expect(lane!.stored).toEqual([]);
  expect(data.objects.keys()).toEqual([]);
  expect(await store.commit(changeOf(envelope, lane!.version))).toBe('committed');
  expect(await landedRows(data)).toHaveLength(3);
});

test('after landing existence is never tested again: compaction may have moved the rows', async () => {
  const data = emptyCloud();
  const envelope = envelopeOf(0, 3);
  await cloudStoreOn(data).commit(changeOf(envelope));
  await data.objects.delete(data.objects.keys());
  const [lane] = await cloudStoreOn(data).readLanes([laneKeyIn(envelope.header)]);
  expect(lane!.stored).toEqual([{ from: 0, to: 3 }]);
  expect(data.objects.keys()).toEqual([]);
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

test('what stayed staged after landing is removed by the sweep; what no transaction knows is left alone', async () => {
  const data = emptyCloud();
  const forgetful = cloudStoreOn(data, {
    objects: { ...data.objects, delete: () => Promise.reject(new Error('service unavailable')) },
  });
  expect(await forgetful.commit(changeOf(envelopeOf(0, 3)))).toBe('committed');
  expect(await forgetful.commit(changeOf(envelopeOf(0, 3)))).toBe('conflict');
  const staged = data.objects.keys(COLD_PREFIXES.staging);
  expect(staged).toHaveLength(2);
  const store = cloudStoreOn(data);
  const ends = await Promise.all(staged.map((key) => store.finishStaged(batchOfStaging(key)!)));
  expect(ends).toEqual(['landed', 'unknown']);
  expect(data.objects.keys(COLD_PREFIXES.staging)).toEqual(staged.slice(1));
  expect(await landedRows(data)).toHaveLength(3);
});
