import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PoisonBounds } from '../../../adapters/poison-bounds.ts';
import { recordStoreContract, type StoreUnderTest } from '../../contracts/record-store.ts';
import { openStore, rowsIn } from '../../helpers/stores.ts';

recordStoreContract('DuckDB', 'durable', async (poison) =>
  underTest(await mkdtemp(join(tmpdir(), 'headwater-store-')), poison),
);

async function underTest(directory: string, poison: PoisonBounds): Promise<StoreUnderTest> {
  const store = await openStore(directory, { poison });
  return {
    store,
    rows: () => rowsIn(store, directory),
    statements: async () =>
      (await store.counts()).flatMap(({ key, stated }) =>
        stated === undefined ? [] : [{ key, upTo: stated.upTo, delivered: stated.delivered }],
      ),
    poison: () => store.poison(),
    poisonCounts: async () => (await store.size()).poison,
    reopen: async () => {
      await store.close();
      return underTest(directory, poison);
    },
    close: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}
