/**
 * Resolves with the first value that is not undefined.
 *
 * @throws after `deadlineMs`, with what was awaited
 */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, deadlineMs = 30_000) {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
