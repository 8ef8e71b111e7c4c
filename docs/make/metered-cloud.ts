import { createMemoryItemTable } from '../../adapters/memory/item-table.ts';
import { createMemoryObjectStore } from '../../adapters/memory/object-store.ts';
import type { Usage } from '../../core/cost/prices.ts';
import type { Item, ItemTable, ItemWrite } from '../../core/item-table.ts';
import type { ObjectStore } from '../../core/object-store.ts';

/** A bucket and a table that count what AWS would bill. */
export interface MeteredCloud {
  objects: ObjectStore;
  table: ItemTable;
  usage: Usage;
}

export function meteredCloud(nowMs: () => number): MeteredCloud {
  const objects = createMemoryObjectStore(nowMs);
  const table = createMemoryItemTable('metered');
  const usage: Usage = {};
  const count = (item: keyof Usage, units = 1): void => {
    usage[item] = (usage[item] ?? 0) + units;
  };
  const read = (items: readonly (Item | undefined)[]): void => {
    for (const item of items) count('dynamodb-read-unit', Math.ceil(sizeOf(item) / 4_096) || 1);
  };
  /** Billed by the item after the write. */
  const written = async (writes: readonly ItemWrite[], times: number): Promise<void> => {
    const items = await table.get(writes.map(({ key }) => key));
    for (const item of items) count('dynamodb-write-unit', times * (Math.ceil(sizeOf(item) / 1_024) || 1));
  };
  return {
    usage,
    objects: {
      ...objects,
      put: (key, body) => {
        count('s3-put');
        return objects.put(key, body);
      },
      get: (key) => {
        count('s3-get');
        return objects.get(key);
      },
      copy: (from, to) => {
        count('s3-put');
        return objects.copy(from, to);
      },
      list: (prefix, after) => {
        count('s3-put');
        return objects.list(prefix, after);
      },
    },
    table: {
      ...table,
      get: async (keys) => {
        const items = await table.get(keys);
        read(items);
        return items;
      },
      query: async (pk, bounds) => {
        const items = await table.query(pk, bounds);
        read(items.length === 0 ? [undefined] : items);
        return items;
      },
      count: async (pk, prefix) => {
        count('dynamodb-read-unit');
        return table.count(pk, prefix);
      },
      transact: async (writes) => {
        const outcome = await table.transact(writes);
        await written(writes, 2);
        return outcome;
      },
      write: async (write) => {
        const outcome = await table.write(write);
        await written([write], 1);
        return outcome;
      },
    },
  };
}

const sizeOf = (item: Item | undefined): number => (item === undefined ? 0 : JSON.stringify(item).length);
