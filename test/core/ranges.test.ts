import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addRange,
  addRanges,
  countOf,
  covers,
  includes,
  intersect,
  type Range,
  type RangeSet,
  rangeSetOf,
  sameRanges,
  subtract,
  within,
} from '../../core/ranges.ts';

const LIMIT = 40;
const range = fc.tuple(fc.nat(LIMIT), fc.nat(8)).map(([from, length]): Range => ({ from, to: from + length }));
const ranges = fc.array(range, { maxLength: 8 });

const setOf = (all: readonly Range[]): Set<number> => {
  const positions = new Set<number>();
  for (const { from, to } of all) for (let position = from; position < to; position++) positions.add(position);
  return positions;
};

/** The one RangeSet that holds exactly these positions. */
const canonical = (positions: Set<number>): RangeSet => {
  const set: Range[] = [];
  for (let position = 0; position <= LIMIT + 9; position++) {
    if (!positions.has(position)) continue;
    const last = set.at(-1);
    if (last?.to === position) last.to = position + 1;
    else set.push({ from: position, to: position + 1 });
  }
  return set;
};

describe('sets of ranges behave as sets of numbers, and stay sorted, disjoint and apart', () => {
  test('one set', () => {
    fc.assert(
      fc.property(ranges, range, fc.nat(LIMIT), (list, one, position) => {
        const set = rangeSetOf(list);
        const numbers = setOf(list);
        expect(set).toEqual(canonical(numbers));
        expect(countOf(set)).toBe(numbers.size);
        expect(addRange(set, one)).toEqual(canonical(setOf([...list, one])));
        expect(includes(set, position)).toBe(numbers.has(position));
        expect(covers(set, one)).toBe([...setOf([one])].every((each) => numbers.has(each)));
        expect(within(set, one)).toEqual(canonical(new Set([...setOf([one])].filter((each) => numbers.has(each)))));
      }),
      { numRuns: 1_000 },
    );
  });

  test('two sets', () => {
    fc.assert(
      fc.property(ranges, ranges, (first, second) => {
        const [a, b] = [rangeSetOf(first), rangeSetOf(second)];
        const [numbers, others] = [setOf(first), setOf(second)];
        expect(addRanges(a, b)).toEqual(canonical(setOf([...first, ...second])));
        expect(addRanges(a, second)).toEqual(addRanges(a, b));
        expect(subtract(a, b)).toEqual(canonical(new Set([...numbers].filter((each) => !others.has(each)))));
        expect(intersect(a, b)).toEqual(canonical(new Set([...numbers].filter((each) => others.has(each)))));
        expect(sameRanges(a, b)).toBe(numbers.size === others.size && [...numbers].every((each) => others.has(each)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('neither argument is changed', () => {
    const set = Object.freeze([Object.freeze({ from: 1, to: 3 }), Object.freeze({ from: 5, to: 6 })]);
    expect(addRanges(set, [Object.freeze({ from: 3, to: 5 })])).toEqual([{ from: 1, to: 6 }]);
    expect(set).toHaveLength(2);
  });
});
