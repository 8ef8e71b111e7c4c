import { createMemoryAudit, createMemoryLogger } from '../../adapters/memory/logger.ts';
import { createMemoryRecordStore, type MemoryRecordStore } from '../../adapters/memory/record-store.ts';
import type { Ingest } from '../../lambdas/ingest/env.ts';
import { createIngest } from '../../lambdas/ingest/handler.ts';
import { byteCodec } from './byte-codec.ts';

/** The real ingest on a store in memory; each node speaks for itself. `farSide` is the store's id. */
export function createMemoryIngest(farSide: string): { store: MemoryRecordStore; ingest: Ingest } {
  const store = createMemoryRecordStore(farSide);
  const ingest = createIngest({
    store,
    codec: byteCodec,
    nowMs: () => Date.now(),
    logger: createMemoryLogger(),
    audit: createMemoryAudit(),
    mayCarry: (client, node) => client === node,
  });
  return { store, ingest };
}

/** The identities of all rows, to be compared with their number: each is there once. */
export const idsOf = (store: MemoryRecordStore): string[] =>
  store.rows().map(({ epoch, lane, position }) => `${epoch}/${lane}/${position}`);
