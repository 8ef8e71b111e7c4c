import type { Epoch } from '../core/identity.ts';
import { intersect, type Range, type RangeSet } from '../core/ranges.ts';
import type { CarriedPart } from './carried-codec.ts';
import type { ReadPart } from './journal-port.ts';
import { offsetAfter } from './record-codec.ts';

/** Which positions a block, or a part of one, holds. */
export interface IndexedRange extends Range {
  epoch: Epoch;
  lane: number;
}

export const rangeOf = ({ epoch, lane, first, count }: CarriedPart): IndexedRange => ({
  epoch,
  lane,
  from: first,
  to: first + count,
});

/** The records of a part from position `from` to `to`, as a view of its memory. */
export function viewOf(
  { first, count, wallMs, monotonicMs, ageMs, bytes }: CarriedPart,
  from: number,
  to: number,
): ReadPart {
  const begin = offsetAfter(bytes, from - first);
  const end = to === first + count ? bytes.length : begin + offsetAfter(bytes.subarray(begin), to - from);
  return { from, to, wallMs, monotonicMs, ageMs, bytes: bytes.subarray(begin, end) };
}

/** The same in memory of its own: a view would take all that was read with it to another thread. */
export function cut(part: CarriedPart, from: number, to: number): ReadPart {
  const view = viewOf(part, from, to);
  return { ...view, bytes: new Uint8Array(view.bytes) };
}

/** The same parts, copied into one piece of memory: many small ones take long to get to another thread. */
export function inOneBuffer(parts: readonly ReadPart[]): ReadPart[] {
  const all = Buffer.allocUnsafeSlow(parts.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let at = 0;
  return parts.map((part) => {
    all.set(part.bytes, at);
    at += part.bytes.length;
    return { ...part, bytes: all.subarray(at - part.bytes.length, at) };
  });
}

/** What of a part lies in these ranges, a part for each. */
export const clip = (part: CarriedPart, ranges: RangeSet): CarriedPart[] =>
  intersect([rangeOf(part)], ranges).map(({ from, to }) => ({
    ...part,
    first: from,
    count: to - from,
    bytes: cut(part, from, to).bytes,
  }));
