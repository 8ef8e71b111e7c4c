/**
 * One table of items, as the logic sees it: DynamoDB in the cloud, memory in tests and in the simulator. Every read is
 * strongly consistent. Whatever fails for another reason than a condition throws, and may have been done or not.
 */
export interface ItemTable {
  /** Made with the table: a restored or new table has another one. */
  readonly id: string;
  /** In the order of the keys; undefined = there is no such item. */
  get(keys: readonly ItemKey[]): Promise<(Item | undefined)[]>;
  /** Items of one partition whose sort key is in the bounds, ascending unless said otherwise. */
  query(pk: string, bounds: SortBounds): Promise<KeyedItem[]>;
  /** How many items of the partition start so. */
  count(pk: string, prefix: string): Promise<number>;
  /** All writes or none; each key at most once. @throws RangeError beyond MAX_TRANSACTION_ITEMS: the caller's bug */
  transact(writes: readonly ItemWrite[]): Promise<'done' | 'conflict'>;
  /** One write. */
  write(write: ItemWrite): Promise<'done' | 'conflict'>;
}

/** DynamoDB takes 100 (quota "Items per TransactWriteItems"). */
export const MAX_TRANSACTION_ITEMS = 100;

export interface ItemKey {
  pk: string;
  sk: string;
}

export type Attribute = string | number;
/** Without its key. */
export type Item = Readonly<Record<string, Attribute>>;
export type KeyedItem = Item & ItemKey;

export interface SortBounds {
  /** From this one on, itself included. */
  from?: string;
  /** Up to this one, itself included. */
  to?: string;
  descending?: boolean;
  /** Only these attributes, and the key. @default all */
  attributes?: readonly string[];
  limit?: number;
}

/** Changes one item, which comes into being by it; nothing of it happens unless all conditions hold. */
export interface ItemWrite {
  key: ItemKey;
  set?: Item;
  /** Added to what is there; a missing attribute counts as 0. */
  add?: Readonly<Record<string, number>>;
  /** Removes the whole item. */
  delete?: true;
  when?: readonly Condition[];
}

export type Condition =
  | { attribute: string; is: 'absent' }
  | { attribute: string; is: 'equal'; value: Attribute }
  /** Holds for a missing attribute too. */
  | { attribute: string; is: 'at-most'; value: number };
