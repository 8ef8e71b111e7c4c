import type { ObjectStore, StoredObject } from '../../core/object-store.ts';

/** The bucket of tests and of the simulator, open to inspection. */
export interface MemoryObjectStore extends ObjectStore {
  /** All keys, sorted. */
  keys(prefix?: string): string[];
}

/** A bucket that lives as long as its object; each call takes effect at once, as S3 is strongly consistent. */
export function createMemoryObjectStore(nowMs: () => number): MemoryObjectStore {
  const objects = new Map<string, { body: Uint8Array; modifiedMs: number }>();
  const keys = (prefix = ''): string[] => [...objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  return {
    keys,
    put: async (key, body) => void objects.set(key, { body: body.slice(), modifiedMs: nowMs() }),
    get: async (key) => objects.get(key)?.body.slice(),
    copy: async (from, to) => {
      const source = objects.get(from);
      if (source === undefined) return 'missing';
      objects.set(to, { body: source.body, modifiedMs: nowMs() });
      return 'copied';
    },
    delete: async (gone) => {
      for (const key of gone) objects.delete(key);
    },
    async *list(prefix, after = ''): AsyncGenerator<StoredObject> {
      for (const key of keys(prefix).filter((candidate) => candidate > after)) {
        const found = objects.get(key);
        if (found) yield { key, bytes: found.body.length, modifiedMs: found.modifiedMs };
      }
    },
  };
}
