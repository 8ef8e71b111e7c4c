/**
 * Remembers what a function made of each object, as long as the object is there. Only for objects that are replaced, never
 * changed: then whoever asks again and again pays once.
 */
export function onceEach<Key extends object, Result>(make: (key: Key) => Result): (key: Key) => Result {
  const made = new WeakMap<Key, { result: Result }>();
  return (key) => {
    const known = made.get(key);
    if (known) return known.result;
    const result = make(key);
    made.set(key, { result });
    return result;
  };
}
