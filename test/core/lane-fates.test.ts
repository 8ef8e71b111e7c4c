import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addToTotals,
  applyOutcome,
  deadLettersOf,
  emptyFateBook,
  enterOutcomes,
  fatesOf,
  finished,
  givenUpOf,
  type LaneFates,
  NO_FATES,
  noTotals,
  type Outcome,
  retireEpochs,
  sumOfTotals,
  triesOf,
  unfinished,
  unstated,
} from '../../core/lane-fates.ts';
import { countOf, includes, intersect } from '../../core/ranges.ts';

const EPOCH = '00000000000000aa';
const key = { epoch: EPOCH, lane: 2 as const };
const fatesAfter = (...outcomes: Outcome[]): LaneFates =>
  outcomes.reduce((fates, outcome) => applyOutcome(fates, outcome), NO_FATES);
const dead = (from: number, to: number): Outcome => ({ ...key, from, to, fate: 'dead-lettered', reason: 'no-answer' });

describe('one fate each', () => {
  const fate = fc.constantFrom(
    'delivered',
    'expired',
    'evicted',
    'damaged',
    'dead-lettered',
    'stated',
    'replayed',
    'discarded',
    'tried',
  );
  const outcome = fc.record({ fate, from: fc.nat(20), size: fc.integer({ min: 1, max: 8 }), more: fc.nat(1) });
  const outcomes = fc.array(outcome, { maxLength: 30 }).map((list) =>
    list.map(({ fate: of, from, size, more }): Outcome => {
      const range = { ...key, from, to: from + size };
      if (of === 'dead-lettered') return { ...range, fate: of, reason: more === 0 ? 'no-answer' : 'not-allowed' };
      return of === 'tried' ? { ...range, fate: of, count: more, reason: 'no-answer' } : { ...range, fate: of };
    }),
  );

  test('whatever is noted, in whatever order: no position has two, and totals agree with the ranges', () => {
    fc.assert(
      fc.property(outcomes, (list) => {
        const fates = fatesAfter(...list);
        const sets = [
          fates.delivered,
          fates.expired,
          fates.evicted,
          ...Object.values(fates.deadLettered),
          fates.damaged,
        ];
        expect(sets.reduce((sum, set) => sum + countOf(set), 0)).toBe(countOf(finished(fates)));
        expect(intersect(fates.stated, givenUpOf(fates))).toEqual(fates.stated);
        expect(intersect(fates.discarded, deadLettersOf(fates))).toEqual(fates.discarded);
        expect(unfinished(fates, fates.tries)).toHaveLength(fates.tries.length);
        const totals = noTotals();
        addToTotals(totals, fates);
        expect(sumOfTotals(totals)).toBe(countOf(finished(fates)));
        for (const { from, to, fate: of } of list) {
          if (of === 'delivered') for (let at = from; at < to; at++) expect(includes(fates.delivered, at)).toBe(true);
        }
      }),
    );
  });

  test('producer and forwarder give up independently of each other: the order does not matter', () => {
    const given = outcomes.map((list) =>
      list.filter(({ fate: of }) => !['stated', 'replayed', 'discarded', 'tried'].includes(of)),
    );
    fc.assert(
      fc.property(given, (list) => {
        const one = list.filter((outcome) => outcome.fate !== 'dead-lettered' || outcome.reason === 'no-answer');
        expect(withoutTries(fatesAfter(...one))).toEqual(withoutTries(fatesAfter(...one.toReversed())));
      }),
    );
  });
  const withoutTries = (fates: LaneFates): object => ({ ...fates, tries: [] });
});

test('a late acknowledgement is still the truth', () => {
  const fates = fatesAfter(
    dead(0, 10),
    { ...key, from: 0, to: 10, fate: 'stated' },
    { ...key, from: 3, to: 5, fate: 'delivered' },
  );
  expect(fates.deadLettered).toEqual({
    'no-answer': [
      { from: 0, to: 3 },
      { from: 5, to: 10 },
    ],
  });
  expect(fates.stated).toEqual([
    { from: 0, to: 3 },
    { from: 5, to: 10 },
  ]);
});

test('a replayed dead letter waits again, without its tries; nothing else can be replayed', () => {
  const fates = fatesAfter(
    { ...key, from: 0, to: 10, fate: 'tried', count: 3, reason: 'no-answer' },
    dead(0, 4),
    { ...key, from: 4, to: 6, fate: 'expired' },
    { ...key, from: 0, to: 10, fate: 'replayed' },
  );
  expect(finished(fates)).toEqual([{ from: 4, to: 6 }]);
  expect(fates.replayed).toEqual([{ from: 0, to: 4 }]);
  expect([triesOf(fates, { from: 0, to: 4 }), triesOf(fates, { from: 5, to: 7 })]).toEqual([0, 3]);
});

test('an epoch becomes totals once nothing can be said or done about what it gave up', () => {
  const book = emptyFateBook();
  const retire = (): string[] => {
    retireEpochs(book, new Set());
    return Object.keys(book.lanes);
  };
  enterOutcomes(book, [
    { ...key, from: 0, to: 5, fate: 'delivered' },
    dead(5, 8),
    { ...key, from: 8, to: 9, fate: 'expired' },
  ]);
  expect(retire()).toHaveLength(1);
  enterOutcomes(book, [{ ...key, from: 5, to: 9, fate: 'stated' }]);
  expect(unstated(fatesOf(book, EPOCH, 2))).toEqual([]);
  expect(retire()).toHaveLength(1); // its dead letters can be replayed
  enterOutcomes(book, [{ ...key, from: 5, to: 8, fate: 'discarded' }]);
  expect(retire()).toEqual([]);
  expect(book.retired[2]).toEqual({
    discarded: 3,
    delivered: 5,
    expired: 1,
    evicted: 0,
    deadLettered: { 'no-answer': 3 },
    damaged: 0,
  });
});
