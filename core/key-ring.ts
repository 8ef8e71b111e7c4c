import type { Awaitable, Clock } from './ports.ts';
import { createSerialQueue } from './serial-queue.ts';

/** The keys of one node, from which the keys of its journals are derived (docs/adr/0013-encryption.md). */
export interface KeyRing {
  /** What is written from now on is written with this one. `id` ≥ 1 grows; `sinceMs` by the wall clock. */
  current(): RingKey;
  find(id: number): Uint8Array | undefined;
  /** Makes another key the current one, durably; returns its id. Rejects if it could not be kept: then nothing changed. */
  rotate(): Awaitable<number>;
  /** Forgets, durably, the keys that are not in use; never the current one. */
  retire(inUse: ReadonlySet<number>): Awaitable<void>;
  /** Where the keys are and which there are, for an operator: ids, never keys. */
  describe(): string;
}

export interface RingKey {
  id: number;
  key: Uint8Array;
  sinceMs: number;
}

/** Where the keys are kept. */
export interface KeyStore {
  /** For messages: a path. */
  place: string;
  /** What was saved last; undefined = nothing ever was. Rejects if it cannot be read or is damaged. */
  load(): Awaitable<readonly RingKey[] | undefined>;
  /** Durable when it resolves; the old ones or the new ones, whatever the moment of a crash. */
  save(keys: readonly RingKey[]): Awaitable<void>;
}

export interface KeyRingPorts {
  clock: Pick<Clock, 'wallMs'>;
  /** From a source fit for keys. */
  randomBytes(count: number): Uint8Array;
}

const KEY_BYTES = 32;
const MAX_ID = 2 ** 32 - 1;

/** The ring in a store; a store that is empty gets its first key. */
export async function createKeyRing(store: KeyStore, ports: KeyRingPorts): Promise<KeyRing> {
  const { run: exclusive } = createSerialQueue();
  let keys = (await store.load()) ?? [];

  /** Adopted only once it is durable: what is written with a key that a crash takes could never be read again. */
  const adopt = async (next: readonly RingKey[]): Promise<void> => {
    await store.save(next);
    keys = next;
  };
  const current = (): RingKey => keys.at(-1)!;
  const rotate = async (): Promise<number> => {
    const id = keys.length > 0 ? current().id + 1 : firstId(ports.randomBytes(4));
    if (id > MAX_ID) throw new RangeError(`key ${id}, allowed ${MAX_ID}`);
    await adopt([...keys, { id, key: ports.randomBytes(KEY_BYTES), sinceMs: ports.clock.wallMs() }]);
    return id;
  };

  if (keys.length === 0) await rotate();
  return {
    current,
    find: (id) => keys.find((one) => one.id === id)?.key,
    rotate: () => exclusive(rotate),
    retire: (inUse) =>
      exclusive(async () => {
        const kept = keys.filter((one) => one === current() || inUse.has(one.id));
        if (kept.length < keys.length) await adopt(kept);
      }),
    describe: () => `${store.place} (${keys.length === 1 ? 'key' : 'keys'} ${keys.map(({ id }) => id).join(', ')})`,
  };
}

/** Random: keys that were made anew because the old ones were lost must not pass for them. 1 … 2^31. */
const firstId = (bytes: Uint8Array): number =>
  (new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0) >>> 1) + 1;
