/**
 * Makes what a function needs at its first invocation and keeps it for the later ones. A start that failed is not kept:
 * the next invocation tries again, so that a passing trouble does not last as long as the process.
 */
export function createdOnce<T>(create: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    const current = made ?? create();
    made = current;
    current.catch(() => {
      if (made === current) made = undefined;
    });
    return current;
  };
}
