import { rename, rm } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { envelopeOf } from '../../helpers/envelopes.ts';
import { changeOf } from '../../helpers/store-change.ts';
import { openStore, withDirectory } from '../../helpers/stores.ts';

const GONE = /hub\.duckdb was removed or replaced while the hub runs: nothing is stored/;

test('what is removed under a running hub stores nothing more, and says of nothing that it is stored', () =>
  withDirectory(async (directory) => {
    const store = await openStore(directory);
    const first = changeOf(envelopeOf(0, 5), 0);
    expect(await store.commit(first)).toBe('committed');
    await rm(directory, { recursive: true });
    await expect(store.commit(changeOf(envelopeOf(5, 10), 1))).rejects.toThrow(GONE);
    await expect(store.readLanes(first.lanes.map(({ key }) => key))).rejects.toThrow(GONE);
    await store.close();
  }));

test('another database in its place is not taken for it; put back, it goes on', () =>
  withDirectory(async (directory) =>
    withDirectory(async (other) => {
      const store = await openStore(directory);
      expect(await store.commit(changeOf(envelopeOf(0, 5), 0))).toBe('committed');
      await (await openStore(other)).close();
      const aside = `${directory}.aside`;
      await rename(directory, aside);
      await rename(other, directory);
      await expect(store.commit(changeOf(envelopeOf(5, 10), 1))).rejects.toThrow(GONE);
      await rename(directory, other);
      await rename(aside, directory);
      expect(await store.commit(changeOf(envelopeOf(5, 10), 1))).toBe('committed');
      await store.close();
    }),
  ));
