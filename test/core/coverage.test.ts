import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyStatement, judge, knownOf, MAX_PIECES } from '../../core/coverage.ts';
import { EMPTY_LANE, type LaneIndex } from '../../core/ports.ts';
import { type Range, type RangeSet, rangeSetOf, subtract, within } from '../../core/ranges.ts';
import { envelopeOf, positions } from '../helpers/envelopes.ts';

const LIMIT = 24;
const range = fc
  .tuple(fc.nat(LIMIT - 1), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]): Range => ({ from, to: from + length }));
const set = fc.array(range, { maxLength: 5 }).map(rangeSetOf);
const index = fc
  .tuple(set, set)
  .map(([stored, givenUp]): LaneIndex => ({ version: 1, stored, givenUp: subtract(givenUp, stored) }));
const header = fc
  .tuple(range, set)
  .map(([covered, holes]) => envelopeOf(covered.from, covered.to, { givenUp: within(holes, covered) }).header);

const numbers = (ranges: RangeSet): Set<number> => new Set(positions(ranges));
const sorted = (all: Iterable<number>): number[] => [...all].sort((a, b) => a - b);

describe('judging an envelope', () => {
  test('is what sets of numbers say', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(index, header, fc.constantFrom('same', 'other', undefined), (lane, envelope, hash) => {
        const stored = numbers(lane.stored);
        const holes = numbers(envelope.givenUp);
        const covered = positions([envelope]);
        const live = covered.filter((position) => !holes.has(position));
        const knownLive = live.filter((position) => stored.has(position));
        const knownAll = covered.filter((position) => stored.has(position));

        const knownHash = hash === 'same' ? envelope.hash : hash === 'other' ? 'f'.repeat(16) : undefined;
        const verdict = judge(lane, envelope, knownHash);
        outcomes.add(verdict.outcome);
        if (knownLive.length === 0) {
          const then = new Set([...stored, ...live]);
          const givenUp = [...numbers(lane.givenUp), ...holes].filter((position) => !then.has(position));
          expect(verdict).toEqual({
            outcome: 'store',
            stored: rangeSetOf(sorted(then).map(one)),
            givenUp: rangeSetOf(sorted(new Set(givenUp)).map(one)),
          });
        } else if (knownLive.length < live.length) {
          expect(verdict).toEqual({ outcome: 'overlap', known: rangeSetOf(knownAll.map(one)) });
        } else {
          const conflict = hash === 'other' && knownAll.length === live.length;
          expect(verdict).toEqual({ outcome: conflict ? 'identity-conflict' : 'known' });
        }
      }),
      { numRuns: 3_000 },
    );
    expect([...outcomes].sort()).toEqual(['identity-conflict', 'known', 'overlap', 'store']);
  });

  test('of a lane never heard of: stored as it is', () => {
    const { header: first } = envelopeOf(7, 12, { givenUp: [{ from: 8, to: 9 }] });
    expect(judge(EMPTY_LANE, first, undefined)).toEqual({
      outcome: 'store',
      stored: [
        { from: 7, to: 8 },
        { from: 9, to: 12 },
      ],
      givenUp: [{ from: 8, to: 9 }],
    });
  });
});

test('a count statement gives up what is not stored', () => {
  fc.assert(
    fc.property(index, set, (lane, givenUp) => {
      const stored = numbers(lane.stored);
      const expected = [...numbers(lane.givenUp), ...numbers(givenUp)].filter((position) => !stored.has(position));
      expect(applyStatement(lane, { givenUp: [...givenUp] })).toEqual(rangeSetOf(sorted(new Set(expected)).map(one)));
    }),
  );
});

test('a part of a status answer is true for all that it says was asked', () => {
  fc.assert(
    fc.property(index, set, fc.integer({ min: 1, max: 3 }), (lane, asked, maxRanges) => {
      const part = knownOf(lane, asked, maxRanges);
      const stored = numbers(lane.stored);
      expect(part.known.length).toBeLessThanOrEqual(maxRanges);
      expect(subtract(part.asked, asked)).toEqual([]);
      expect(positions(part.known)).toEqual(positions(part.asked).filter((position) => stored.has(position)));
      if (asked.length > 0) expect(part.asked.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});

const one = (position: number): Range => ({ from: position, to: position + 1 });

describe('a lane in as many pieces as allowed', () => {
  const pieces = (offset: number): RangeSet =>
    Array.from({ length: MAX_PIECES }, (_, at) => ({ from: at * 4 + offset, to: at * 4 + offset + 1 }));
  const full: LaneIndex = { version: 1, stored: pieces(0), givenUp: pieces(2) };
  const end = MAX_PIECES * 4;
  const outcomeOf = (from: number, to: number, givenUp: Range[] = []): string =>
    judge(full, envelopeOf(from, to, { givenUp }).header, undefined).outcome;

  test('takes what extends or joins pieces, and refuses one more', () => {
    expect(outcomeOf(1, 2)).toBe('store');
    expect(outcomeOf(1, 4)).toBe('store');
    expect(outcomeOf(end, end + 5)).toBe('too-fragmented');
    expect(outcomeOf(end - 3, end + 5, [{ from: end + 1, to: end + 2 }])).toBe('too-fragmented');
  });

  test('a count statement keeps what fits', () => {
    const givenUp = [
      { from: 1, to: 2 },
      { from: end + 2, to: end + 3 },
    ];
    const kept = applyStatement(full, { givenUp });
    expect(kept).toHaveLength(MAX_PIECES);
    expect(kept[0]).toEqual({ from: 1, to: 3 });
  });
});
