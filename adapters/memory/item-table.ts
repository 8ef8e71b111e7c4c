import {
  type Attribute,
  type Condition,
  type Item,
  type ItemKey,
  type ItemTable,
  type ItemWrite,
  type KeyedItem,
  MAX_TRANSACTION_ITEMS,
} from '../../core/item-table.ts';

/** The table of tests and of the simulator, open to inspection. */
export interface MemoryItemTable extends ItemTable {
  /** All items, in the order of their keys. */
  items(): KeyedItem[];
}

/** DynamoDB's limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
const MAX_ITEM_BYTES = 400 * 1024;
const MAX_TRANSACTION_BYTES = 4 * 1024 ** 2;

/**
 * A table that lives as long as its object, with DynamoDB's rules: all or nothing, one write a key, its limits. Each
 * call takes effect at once, before its promise settles.
 */
export function createMemoryItemTable(id: string): MemoryItemTable {
  const items = new Map<string, KeyedItem>();

  const apply = (writes: readonly ItemWrite[]): 'done' | 'conflict' => {
    const current = writes.map(({ key }) => items.get(textOf(key)));
    if (writes.some((write, at) => !(write.when ?? []).every((condition) => holds(condition, current[at])))) {
      return 'conflict';
    }
    const changed = writes.map((write, at) => (write.delete ? undefined : changedItem(write, current[at])));
    const bytes = changed.map((item) => (item === undefined ? 0 : bytesOf(item)));
    const largest = Math.max(0, ...bytes);
    if (largest > MAX_ITEM_BYTES) throw new RangeError(`item of ${largest} bytes, allowed ${MAX_ITEM_BYTES}`);
    const total = bytes.reduce((sum, size) => sum + size, 0);
    if (total > MAX_TRANSACTION_BYTES) {
      throw new RangeError(`transaction of ${total} bytes, allowed ${MAX_TRANSACTION_BYTES}`);
    }
    for (const [at, { key }] of writes.entries()) {
      const item = changed[at];
      if (item === undefined) items.delete(textOf(key));
      else items.set(textOf(key), item);
    }
    return 'done';
  };

  const inPartition = (pk: string): KeyedItem[] =>
    [...items.values()].filter((item) => item.pk === pk).sort((a, b) => (a.sk < b.sk ? -1 : 1));

  return {
    id,
    items: () => [...items.values()].sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1)),
    get: async (keys) => keys.map((key) => items.get(textOf(key))),
    query: async (pk, { from, to, descending, limit, attributes }) => {
      const found = inPartition(pk).filter(({ sk }) => sk >= (from ?? '') && (to === undefined || sk <= to));
      const wanted = (descending ? found.reverse() : found).slice(0, limit);
      return attributes === undefined ? wanted : wanted.map((item) => picked(item, attributes));
    },
    count: async (pk, prefix) => inPartition(pk).filter(({ sk }) => sk.startsWith(prefix)).length,
    transact: async (writes) => {
      if (writes.length > MAX_TRANSACTION_ITEMS) {
        throw new RangeError(`transaction of ${writes.length} items, allowed ${MAX_TRANSACTION_ITEMS}`);
      }
      if (new Set(writes.map(({ key }) => textOf(key))).size < writes.length) {
        throw new RangeError('a transaction writes one item twice');
      }
      return apply(writes);
    },
    write: async (write) => apply([write]),
  };
}

const picked = (item: KeyedItem, attributes: readonly string[]): KeyedItem =>
  Object.fromEntries(Object.entries(item).filter(([name]) => ['pk', 'sk', ...attributes].includes(name))) as KeyedItem;

const textOf = ({ pk, sk }: ItemKey): string => `${pk}\n${sk}`;

function holds(condition: Condition, item: Item | undefined): boolean {
  const value: Attribute | undefined = item?.[condition.attribute];
  if (condition.is === 'absent') return value === undefined;
  if (condition.is === 'equal') return value === condition.value;
  return value === undefined || (typeof value === 'number' && value <= condition.value);
}

function changedItem({ key, set, add }: ItemWrite, current: KeyedItem | undefined): KeyedItem {
  const sums = Object.entries(add ?? {}).map(([name, amount]) => [name, Number(current?.[name] ?? 0) + amount]);
  return { ...current, ...set, ...Object.fromEntries(sums), ...key } as KeyedItem;
}

/** Names and values, as DynamoDB counts; numbers as their longest form. */
const bytesOf = (item: KeyedItem): number =>
  Object.entries(item).reduce(
    (sum, [name, value]) => sum + name.length + (typeof value === 'number' ? 21 : Buffer.byteLength(value)),
    0,
  );
