import { createMemoryRecordStore } from '../../../adapters/memory/record-store.ts';
import { recordStoreContract } from '../../contracts/record-store.ts';

recordStoreContract('memory', 'process', async (bounds) => {
  const store = createMemoryRecordStore('far-side-1', bounds);
  return {
    store,
    rows: async () => store.rows(),
    statements: async () => store.statements(),
    poison: async () => store.poison(),
    poisonCounts: async () => store.poisonCounts(),
    reopen: () => Promise.reject(new Error('memory does not outlive its process')),
    close: async () => undefined,
  };
});
