import { createMemoryKeyRing } from '../../adapters/memory/key-ring.ts';
import type { KeyRing } from '../../core/key-ring.ts';

/** Ids of the keys in a ring; in memory the same id is the same key. */
export type RingKeys = readonly number[];

/**
 * A key ring that says what each change makes of it, before and after: a crash in the middle may leave either.
 *
 * @param ids as a crash left them
 */
export function createNotingKeyRing(
  ids: RingKeys = [1],
  note: (change: { before: RingKeys; after: RingKeys }) => void = () => undefined,
): KeyRing {
  const ring = createMemoryKeyRing(ids);
  let before = ids;
  note({ before, after: ids });
  const changed = (after: RingKeys): void => {
    if (after.join() === before.join()) return;
    note({ before, after });
    before = after;
    note({ before, after });
  };
  return {
    ...ring,
    async rotate() {
      const id = await ring.rotate();
      changed([...before, id]);
      return id;
    },
    async retire(inUse) {
      await ring.retire(inUse);
      changed(before.filter((id) => ring.find(id) !== undefined));
    },
  };
}
