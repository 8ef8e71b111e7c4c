import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes by which the files below a directory have grown since the meter was made; what was removed does not count. */
export function createGrowthMeter(directory: string): () => number {
  const sizes = sizesBelow(directory);
  let grown = 0;
  return () => {
    for (const [path, size] of sizesBelow(directory)) {
      grown += Math.max(0, size - (sizes.get(path) ?? 0));
      sizes.set(path, size);
    }
    return grown;
  };
}

function sizesBelow(directory: string): Map<string, number> {
  const sizes = new Map<string, number>();
  let entries: string[];
  try {
    entries = readdirSync(directory, { recursive: true }) as string[];
  } catch {
    return sizes; // not made yet, or a folder went while it was listed
  }
  for (const entry of entries) {
    const path = join(directory, entry);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile()) sizes.set(path, found.size);
  }
  return sizes;
}
