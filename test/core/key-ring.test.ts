import { expect, test } from '@jest/globals';
import { createKeyRing, type KeyStore, type RingKey } from '../../core/key-ring.ts';

function createStore() {
  const store = { saved: undefined as readonly RingKey[] | undefined, failing: false };
  const port: KeyStore = {
    place: 'store',
    load: () => store.saved,
    async save(keys) {
      await Promise.resolve();
      if (store.failing) throw new Error('disk full');
      store.saved = keys;
    },
  };
  let made = 0;
  const ring = () =>
    createKeyRing(port, { clock: { wallMs: () => 5 }, randomBytes: (count) => new Uint8Array(count).fill(++made) });
  return { store, ring };
}

test('a new key is used only once it is durable', async () => {
  const { store, ring } = createStore();
  const keys = await ring();
  const first = keys.current();
  const rotation = Promise.resolve(keys.rotate());
  expect(keys.current()).toBe(first);
  await rotation;
  expect(keys.current().id).toBe(first.id + 1);
  expect(store.saved?.map(({ id }) => id)).toEqual([first.id, first.id + 1]);
});

test('a key that could not be kept does not exist, nor is one forgotten that could not be removed', async () => {
  const { store, ring } = createStore();
  const keys = await ring();
  const first = keys.current();
  store.failing = true;
  await expect(keys.rotate()).rejects.toThrow('disk full');
  expect(keys.current()).toBe(first);
  store.failing = false;
  await keys.rotate();
  store.failing = true;
  await expect(keys.retire(new Set())).rejects.toThrow('disk full');
  expect(keys.find(first.id)).toBe(first.key);
});

test('keys in use stay, and the current one always', async () => {
  const { ring } = createStore();
  const keys = await ring();
  const first = keys.current().id;
  const second = await keys.rotate();
  const third = await keys.rotate();
  await keys.retire(new Set([first]));
  expect([first, second, third].map((id) => keys.find(id) !== undefined)).toEqual([true, false, true]);
});
