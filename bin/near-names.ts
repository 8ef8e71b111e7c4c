/** The names most like the one that was typed, best first: few, and only those that are really like it. */
export function nearNames(typed: string, names: readonly string[], atMost = 3): string[] {
  const bound = Math.max(2, Math.ceil(typed.length / 3));
  return names
    .map((name) => ({ name, distance: editDistance(typed, name, bound) }))
    .filter(({ distance }) => distance <= bound)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, atMost)
    .map(({ name }) => name);
}

/** Levenshtein's distance; anything above the bound is some number above it. */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchanged = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(exchanged, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
