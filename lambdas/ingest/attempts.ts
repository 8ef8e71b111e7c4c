import type { ItemKey, ItemTable } from '../../core/item-table.ts';

/** Longer than the queue keeps a message. */
const KEEP_MS = 15 * 86_400_000;

/**
 * How often a message was begun since an attempt last came to its end, whatever the end was. An attempt that dies with
 * its process never ends: only such messages count up, and a store that is out cannot make poison of good ones.
 */
export interface Attempts {
  begin(message: string): Promise<void>;
  end(message: string): Promise<void>;
  /** Attempts that began and did not end. */
  unfinished(message: string): Promise<number>;
}

export function createAttempts(table: ItemTable, nowMs: () => number): Attempts {
  return {
    begin: async (message) => {
      const expires = Math.ceil((nowMs() + KEEP_MS) / 1_000);
      await table.write({ key: keyOf(message), set: { expires }, add: { begun: 1 } });
    },
    end: async (message) => {
      await table.write({ key: keyOf(message), delete: true });
    },
    unfinished: async (message) => {
      const [item] = await table.get([keyOf(message)]);
      return Number(item?.begun ?? 0);
    },
  };
}

const keyOf = (message: string): ItemKey => ({ pk: `attempt#${message}`, sk: 'attempt' });
