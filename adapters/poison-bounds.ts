/** How much poison a store keeps for the operator; beyond either bound the oldest goes, and is counted. */
export interface PoisonBounds {
  messages: number;
  bytes: number;
}
export const POISON_BOUNDS: PoisonBounds = { messages: 1_000, bytes: 64 * 1024 ** 2 };

/** What is kept now, and how many messages went because of the bounds. */
export interface PoisonCounts {
  messages: number;
  bytes: number;
  dropped: number;
}

/** How many of the oldest must go so that the sizes (oldest first) keep the bounds. */
export function surplus(sizes: readonly number[], bounds: PoisonBounds): number {
  let bytes = sizes.reduce((sum, size) => sum + size, 0);
  let drop = 0;
  while (sizes.length - drop > bounds.messages || bytes > bounds.bytes) bytes -= sizes[drop++]!;
  return drop;
}
