import { openStore } from './stores.ts';

/** A process of its own that opens a store: node --import tsx open-store.ts DIRECTORY */
const store = await openStore(process.argv[2]!);
await store.close();
