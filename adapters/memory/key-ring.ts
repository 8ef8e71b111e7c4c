import { createHash } from 'node:crypto';
import type { KeyRing, RingKey } from '../../core/key-ring.ts';

/** Keys that everybody can work out, for tests: the same id is the same key. */
export const memoryKey = (id: number): Uint8Array => createHash('sha256').update(`key ${id}`).digest();

/** A ring that is as durable as the test that holds it. */
export function createMemoryKeyRing(ids: readonly number[] = [1]): KeyRing {
  let keys = ids.map((id): RingKey => ({ id, key: memoryKey(id), sinceMs: 0 }));
  return {
    current: () => keys.at(-1)!,
    find: (id) => keys.find((one) => one.id === id)?.key,
    rotate() {
      const id = keys.at(-1)!.id + 1;
      keys = [...keys, { id, key: memoryKey(id), sinceMs: 0 }];
      return id;
    },
    retire(inUse) {
      keys = keys.filter(({ id }, at) => inUse.has(id) || at === keys.length - 1);
    },
    describe: () => `memory (keys ${keys.map(({ id }) => id).join(', ')})`,
  };
}
