/** Positions [from, to) of one lane: `from` included, `to` not; whole numbers from 0. */
export interface Range {
  from: number;
  to: number;
}

/** Sorted, disjoint, never touching each other, never empty: what is known in full is one range from 0, the floor. */
export type RangeSet = readonly Range[];

export const NO_RANGES: RangeSet = [];

/** How many positions the set holds. */
export const countOf = (set: RangeSet): number => set.reduce((sum, range) => sum + (range.to - range.from), 0);

/** The set with one more range; neighbours merge. */
export function addRange(set: RangeSet, added: Range): RangeSet {
  if (added.from >= added.to) return set;
  const start = firstEndingAt(set, added.from);
  let end = start;
  let { from, to } = added;
  for (let part = set[end]; part !== undefined && part.from <= added.to; part = set[++end]) {
    from = Math.min(from, part.from);
    to = Math.max(to, part.to);
  }
  return [...set.slice(0, start), { from, to }, ...set.slice(end)];
}

/** Both together; `added` may be in any order. */
export const addRanges = (set: RangeSet, added: readonly Range[]): RangeSet => {
  if (added.length === 0) return set;
  return added.length === 1 ? addRange(set, added[0]!) : rangeSetOf([...set, ...added]);
};

/** A set from ranges in any order, overlapping or not. */
export function rangeSetOf(ranges: readonly Range[]): RangeSet {
  const set: Range[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    if (from >= to) continue;
    const last = set.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else set.push({ from, to });
  }
  return set;
}

/** The part of the set that lies within the range. */
export function within(set: RangeSet, range: Range): RangeSet {
  if (range.from >= range.to) return NO_RANGES;
  const parts: Range[] = [];
  let at = firstEndingAt(set, range.from + 1);
  for (let part = set[at]; part !== undefined && part.from < range.to; part = set[++at]) {
    parts.push({ from: Math.max(part.from, range.from), to: Math.min(part.to, range.to) });
  }
  return parts;
}

/** `a` without what is in `b`. */
export function subtract(a: RangeSet, b: RangeSet): RangeSet {
  const rest: Range[] = [];
  for (const part of a) {
    let { from } = part;
    let at = firstEndingAt(b, from + 1);
    for (let hole = b[at]; hole !== undefined && hole.from < part.to; hole = b[++at]) {
      if (hole.from > from) rest.push({ from, to: hole.from });
      from = hole.to;
    }
    if (from < part.to) rest.push({ from, to: part.to });
  }
  return rest;
}

/** What is in both. */
export function intersect(a: RangeSet, b: RangeSet): RangeSet {
  if (a.length === 0 || b.length === 0) return NO_RANGES;
  const both: Range[] = [];
  for (const { from, to } of a) {
    let at = firstEndingAt(b, from + 1);
    for (let part = b[at]; part !== undefined && part.from < to; part = b[++at]) {
      const common = { from: Math.max(from, part.from), to: Math.min(to, part.to) };
      if (common.from < common.to) both.push(common);
    }
  }
  return both;
}

export function covers(set: RangeSet, range: Range): boolean {
  if (range.from >= range.to) return true;
  const part = set[firstEndingAt(set, range.from + 1)];
  return part !== undefined && part.from <= range.from && part.to >= range.to;
}

/** Whether any of the range is in the set. */
export function overlaps(set: RangeSet, range: Range): boolean {
  const part = set[firstEndingAt(set, range.from + 1)];
  return part !== undefined && part.from < range.to && range.from < range.to;
}

/** Ranges that say something, without what is in the set; what is left of each says it still. */
export const withoutRanges = <T extends Range>(parts: readonly T[], gone: RangeSet): readonly T[] =>
  parts.some((one) => overlaps(gone, one))
    ? parts.flatMap((one) => (overlaps(gone, one) ? subtract([one], gone).map((rest) => ({ ...one, ...rest })) : [one]))
    : parts;

export const includes = (set: RangeSet, position: number): boolean => covers(set, { from: position, to: position + 1 });

export const sameRanges = (a: RangeSet, b: RangeSet): boolean =>
  a.length === b.length && a.every((part, index) => part.from === b[index]!.from && part.to === b[index]!.to);

/** Index of the first range whose `to` is at least `position`; by bisection: a lane may be in thousands of pieces. */
function firstEndingAt(set: RangeSet, position: number): number {
  // Delivery runs upwards: nearly always the answer is the last range or past it.
  if (set.length === 0 || set[set.length - 1]!.to < position) return set.length;
  let low = 0;
  let high = set.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (set[middle]!.to < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
