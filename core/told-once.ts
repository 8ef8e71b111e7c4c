/** More kinds than this are not told of: each costs a line, and a place to remember that it was told. */
const MAX_KINDS_TOLD = 20;

/** Whether a kind is to be told of now: once each, as another side may send many, and of so many kinds at most. */
export function createToldOnce(): (kind: string) => boolean {
  const told = new Set<string>();
  return (kind) => {
    if (told.has(kind) || told.size === MAX_KINDS_TOLD) return false;
    told.add(kind);
    return true;
  };
}
