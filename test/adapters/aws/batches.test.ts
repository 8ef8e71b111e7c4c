import { expect, test } from '@jest/globals';
import { batchOfStaging, COLD_PREFIXES } from '../../../core/cold-layout.ts';
import { cloudStoreOn, countedRecords, emptyCloud, indexedPositions, landedRows } from '../../helpers/cloud-store.ts';
import { EPOCH_B, envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
import { changeOf, laneKeyIn } from '../../helpers/store-change.ts';

/** What becomes of a batch once its transaction is through: cut off, lost, too late, found by the sweep. */

/** Opened once; others wait for it. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

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
