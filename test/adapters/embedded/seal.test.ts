import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from '@jest/globals';
import { type ColdFiles, realColdFiles } from '../../../adapters/embedded/cold-files.ts';
import { HASH_KEEP_MS } from '../../../adapters/embedded/seal.ts';
import { coldNames, positionsIn, threeDays } from '../../helpers/cold-rows.ts';
import { envelopeOf, START_MS } from '../../helpers/envelopes.ts';
import { changeOf, laneKeyIn } from '../../helpers/store-change.ts';
import { openStore, rowsIn, withDirectory } from '../../helpers/stores.ts';

const key = laneKeyIn(envelopeOf(0, 1).header);

/** The disk, with the n-th call of one step failing as a crash there would end it. */
function failingAt(step: keyof ColdFiles, call: number, when: 'before' | 'after'): ColdFiles {
  let calls = 0;
  const real = realColdFiles[step] as (...args: string[]) => Promise<never>;
  const failing = async (...args: string[]) => {
    const fails = ++calls === call;
    if (fails && when === 'before') throw new Error(`planted: ${step} ${call}`);
    const result = await real(...args);
    if (fails) throw new Error(`planted: ${step} ${call}`);
    return result;
  };
  return { ...realColdFiles, [step]: failing };
}

describe('sealing', () => {
  test('makes one file a day, sorted, and empties the staging table', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await store.commit(changeOf(threeDays));
      const before = await rowsIn(store, directory);
      expect(await store.seal()).toEqual({ files: 3, rows: 6 });
      const { files } = await store.snapshot(join(directory, 'staged.parquet'));
      expect(files.map((path) => path.slice(store.cold.length))).toEqual([
        '/dt=2025-01-01/part-000000001.parquet',
        '/dt=2025-01-02/part-000000001.parquet',
        '/dt=2025-01-03/part-000000001.parquet',
      ]);
      expect(await rowsIn(store, directory)).toEqual(before);
      expect(await store.size()).toMatchObject({ staged: 0, files: 3, rows: 6 });

      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      const sorted = await connection.runAndReadAll(`SELECT device, position FROM read_parquet('${files[0]}')`);
      expect(sorted.getRowsJS()).toEqual([
        ['press-000', 3n],
        ['press-001', 1n],
      ]);
      connection.closeSync();
      instance.closeSync();
      await store.close();
    }));

  test('with nothing staged makes nothing', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      expect(await store.seal()).toEqual({ files: 0, rows: 0 });
      await store.commit(changeOf(threeDays));
      await store.seal();
      expect(await store.seal()).toEqual({ files: 0, rows: 0 });
      await store.close();
    }));

  test('rows that arrive during a seal stay for the next one', () =>
    withDirectory(async (directory) => {
      const commitMeanwhile: { run?: () => Promise<unknown> } = {};
      const files: ColdFiles = {
        ...realColdFiles,
        rename: async (from, to) => {
          await realColdFiles.rename(from, to);
          await commitMeanwhile.run?.();
          delete commitMeanwhile.run;
        },
      };
      const store = await openStore(directory, { files });
      await store.commit(changeOf(threeDays));
      commitMeanwhile.run = () => store.commit(changeOf(envelopeOf(6, 9), 1));
      expect(await store.seal()).toEqual({ files: 3, rows: 6 });
      expect(await store.size()).toMatchObject({ staged: 3, rows: 9 });
      expect(await positionsIn(store, directory)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect(await store.seal()).toEqual({ files: 1, rows: 3 });
      expect(await positionsIn(store, directory)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      await store.close();
    }));

  test('starts by itself at the configured number of rows, counted over restarts', () =>
    withDirectory(async (directory) => {
      const sizes: object[] = [];
      for (const [from, to] of [
        [0, 5],
        [5, 6],
        [6, 11],
      ] as const) {
        const store = await openStore(directory, { sealRows: 6 });
        await store.commit(changeOf(envelopeOf(from, to), sizes.length));
        await store.close(); // waits for the seal that the commit began
        const reopened = await openStore(directory);
        const { staged, files, rows } = await reopened.size();
        sizes.push({ staged, files, rows });
        await reopened.close();
      }
      expect(sizes).toEqual([
        { staged: 5, files: 0, rows: 5 },
        { staged: 0, files: 1, rows: 6 },
        { staged: 5, files: 1, rows: 11 },
      ]);
    }));

  test('forgets hashes only when no resend can come any more', () =>
    withDirectory(async (directory) => {
      let nowMs = START_MS + HASH_KEEP_MS;
      const store = await openStore(directory, { nowMs: () => nowMs });
      const hash = envelopeOf(0, 3).header.hash;
      await store.commit(changeOf(envelopeOf(0, 3)));
      await store.seal();
      expect(await store.findHashes([{ key, from: 0, to: 3 }])).toEqual([hash]);
      nowMs += 1;
      await store.commit(changeOf(envelopeOf(3, 4), 1, { storedAtMs: nowMs }));
      await store.seal();
      expect(await store.findHashes([{ key, from: 0, to: 3 }])).toEqual([undefined]);
      await store.close();
    }));
});

describe('a seal that is cut off', () => {
  test.each([
    ['syncFile', 1, 'before'],
    ['rename', 1, 'before'],
    ['rename', 1, 'after'],
    ['rename', 3, 'after'],
    ['syncFolder', 2, 'after'],
    ['syncFolder', 4, 'after'], // the last step before the transaction
  ] as const)('at %s %d, %s it: no row lost, none doubled', (step, call, when) =>
    withDirectory(async (directory) => {
      const cut = await openStore(directory, { files: failingAt(step, call, when) });
      await cut.commit(changeOf(threeDays));
      const before = await rowsIn(cut, directory);
      await expect(cut.seal()).rejects.toThrow(`planted: ${step} ${call}`);
      expect(await rowsIn(cut, directory)).toEqual(before);
      await cut.close();

      const store = await openStore(directory);
      expect(await coldNames(store)).toEqual([]);
      expect(await rowsIn(store, directory)).toEqual(before);
      expect(await store.seal()).toEqual({ files: 3, rows: 6 });
      expect(await rowsIn(store, directory)).toEqual(before);
      await store.close();
    }),
  );

  test('can be done again in the same process', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory, { files: failingAt('syncFolder', 4, 'before') });
      await store.commit(changeOf(threeDays));
      await expect(store.seal()).rejects.toThrow('planted');
      expect(await store.seal()).toEqual({ files: 3, rows: 6 });
      expect(await positionsIn(store, directory)).toEqual([0, 1, 2, 3, 4, 5]);
      await store.close();
    }));
});

describe('counts', () => {
  test('rows, index and statement of a lane stand side by side, over files and staged rows', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await store.commit(
        changeOf(envelopeOf(0, 5, { givenUp: [{ from: 1, to: 3 }] }), 0, {
          lanes: [
            {
              key,
              expectedVersion: 0,
              stored: [
                { from: 0, to: 1 },
                { from: 3, to: 5 },
              ],
              givenUp: [{ from: 1, to: 3 }],
            },
          ],
        }),
      );
      await store.seal();
      await store.commit(
        changeOf(envelopeOf(5, 7), 1, {
          lanes: [
            {
              key,
              expectedVersion: 1,
              stored: [
                { from: 0, to: 1 },
                { from: 3, to: 7 },
              ],
              givenUp: [{ from: 1, to: 3 }],
            },
          ],
          statements: [{ key, upTo: 9, delivered: 5 }],
        }),
      );
      const lane = {
        key,
        rows: 5,
        positions: 5,
        stored: 5,
        givenUp: 2,
        stated: { upTo: 9, delivered: 5, storedBelow: 5, givenUpBelow: 2, atMs: START_MS },
      };
      expect(await store.counts()).toEqual([lane]);
      expect(await store.index()).toEqual([
        {
          key,
          stored: [
            { from: 0, to: 1 },
            { from: 3, to: 7 },
          ],
          givenUp: [{ from: 1, to: 3 }],
          stated: lane.stated,
        },
      ]);
      expect(await store.ledger()).toMatchObject({
        farSide: store.id,
        lanes: [{ ...lane, priority: 'normal' }],
        streams: [{ node: 'node-a', stream: 'temperature', priority: 'normal', rows: 5 }],
        size: { staged: 2, files: 1, rows: 5 },
      });
      await store.close();
    }));

  test('a row that is there twice, or that no index knows, shows', () =>
    withDirectory(async (directory) => {
      const store = await openStore(directory);
      await store.commit(changeOf(envelopeOf(0, 3)));
      const twice = changeOf(envelopeOf(2, 4), 1);
      await store.commit({ ...twice, lanes: [] });
      expect(await store.counts()).toMatchObject([{ rows: 5, positions: 4, stored: 3 }]);
      await store.close();
    }));
});
