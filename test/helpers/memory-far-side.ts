import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore } from '../../adapters/memory/record-store.ts';
import { countOf } from '../../core/ranges.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { contractMayCarry, type FarSideUnderTest } from '../contracts/far-side.ts';
import { byteCodec } from './byte-codec.ts';

/** Ingest on the store of tests; what it holds outlives a `reopen`. */
export async function createMemoryFarSide(): Promise<FarSideUnderTest> {
  const store = createMemoryRecordStore('memory-1');
  const open = () =>
    createIngest({
      store,
      codec: byteCodec,
      nowMs: () => 0,
      logger: createMemoryLogger(),
      audit: createMemoryAudit(),
      mayCarry: contractMayCarry,
    });
  let ingest = open();
  return {
    deliver: async (client, payloads) => {
      const result = await ingest(payloads.map((payload) => ({ client, payload })));
      return { answers: result.answers.map(({ payload }) => payload), failed: result.failed.length };
    },
    rows: async () => store.rows(),
    indexed: async () => {
      const lanes = store.lanes();
      const total = (part: 'stored' | 'givenUp') => lanes.reduce((sum, { index }) => sum + countOf(index[part]), 0);
      return { stored: total('stored'), givenUp: total('givenUp') };
    },
    poison: async () => store.poison(),
    reopen: async () => {
      ingest = open();
    },
    close: async () => {},
  };
}
