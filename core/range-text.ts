import type { RangeSet } from './ranges.ts';

/** `[[from, to], …]`, as stores keep ranges: half the bytes of objects. */
export const rangesToText = (set: RangeSet): string => JSON.stringify(set.map(({ from, to }) => [from, to]));

/** What `rangesToText` wrote. */
export const rangesOfText = (text: unknown): RangeSet =>
  (JSON.parse(String(text)) as [number, number][]).map(([from, to]) => ({ from, to }));
