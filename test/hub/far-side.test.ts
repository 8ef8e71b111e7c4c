import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import { countOf } from '../../core/ranges.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { contractMayCarry, type FarSideRow, type FarSideUnderTest, farSideContract } from '../contracts/far-side.ts';
import { byteCodec } from '../helpers/byte-codec.ts';
import { START_MS } from '../helpers/envelopes.ts';
import { silentLogger } from '../helpers/silent-logger.ts';
import { openStore, rowsIn } from '../helpers/stores.ts';

/** The hub as nodes know it: ingest on the DuckDB store, part of it sealed to Parquet at each restart. */
farSideContract('ingest on the DuckDB store', async (): Promise<FarSideUnderTest> => {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-far-'));
  const open = async () => {
    const store = await openStore(directory);
    const ingest: Ingest = createIngest({
      store,
      codec: byteCodec,
      nowMs: () => START_MS,
      logger: silentLogger,
      audit: createMemoryAudit(),
      mayCarry: contractMayCarry,
    });
    return { store, ingest };
  };
  let hub = await open();
  return {
    deliver: async (client, payloads) => {
      const { answers, failed } = await hub.ingest(payloads.map((payload) => ({ client, payload })));
      return { answers: answers.map(({ payload }) => payload), failed: failed.length };
    },
    rows: async () => (await rowsIn(hub.store, directory)) as unknown as FarSideRow[],
    indexed: async () => {
      const lanes = await hub.store.index();
      const total = (part: 'stored' | 'givenUp') => lanes.reduce((sum, lane) => sum + countOf(lane[part]), 0);
      return { stored: total('stored'), givenUp: total('givenUp') };
    },
    poison: () => hub.store.poison(),
    reopen: async () => {
      await hub.store.seal();
      await hub.store.close();
      hub = await open();
    },
    close: async () => {
      await hub.store.close();
      await rm(directory, { recursive: true });
    },
  };
});
