import type { ItemTable } from '../../core/item-table.ts';
import type { ObjectStore } from '../../core/object-store.ts';
import type { CloudData } from './cloud-store.ts';

/** One call to the bucket or the table, as a process makes it. */
export interface CloudCall {
  name: string;
  /** Counted from 0. */
  at: number;
}

/** What a call does besides its work: `before` and `after` may throw or wait. */
export interface CallHooks {
  before?: (call: CloudCall) => void | Promise<void>;
  after?: (call: CloudCall) => void | Promise<void>;
}

/** The data as one process sees it, every call through the hooks. */
export function throughHooks(data: CloudData, hooks: CallHooks): { objects: ObjectStore; table: ItemTable } {
  let calls = 0;
  const hooked = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const call = { name, at: calls++ };
    await hooks.before?.(call);
    const result = await run();
    await hooks.after?.(call);
    return result;
  };
  const { objects, table } = data;
  return {
    objects: {
      put: (key, body) => hooked('put', () => objects.put(key, body)),
      get: (key) => hooked('get', () => objects.get(key)),
      copy: (from, to) => hooked('copy', () => objects.copy(from, to)),
      delete: (keys) => hooked('delete', () => objects.delete(keys)),
      list: async function* (prefix, after) {
        await hooked('list', async () => undefined);
        yield* objects.list(prefix, after);
      },
    },
    table: {
      id: table.id,
      get: (keys) => hooked('getItems', () => table.get(keys)),
      query: (pk, bounds) => hooked('query', () => table.query(pk, bounds)),
      count: (pk, prefix) => hooked('count', () => table.count(pk, prefix)),
      transact: (writes) => hooked('transact', () => table.transact(writes)),
      write: (write) => hooked('write', () => table.write(write)),
    },
  };
}

/** The process is gone: what it had begun never answers. */
export const never = new Promise<never>(() => undefined);
