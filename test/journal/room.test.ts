import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { emptyFateBook, enterOutcomes, type FateBook, fatesOf, unfinished } from '../../core/lane-fates.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { rangeSetOf } from '../../core/ranges.ts';
import { nextToEvict, segmentToEmpty } from '../../journal/room.ts';
import { holdingsOf, newSpan, noPositions, type SegmentSpan } from '../../journal/spans.ts';

const EPOCH = '00000000000000aa';
const RECORD_BYTES = 20;

/** Segments one after the other; each holds so many records of each lane. */
function segmentsOf(counts: readonly (readonly number[])[]): SegmentSpan[] {
  const positions = noPositions();
  return counts.map((ofLanes, index) => {
    const span = newSpan(index + 1, EPOCH, positions);
    for (const [lane, count] of ofLanes.entries()) {
      positions[lane]! += count;
      span.end[lane] = positions[lane]!;
      span.laneBytes[lane] = count * RECORD_BYTES;
    }
    span.marks = [{ sinceMs: index, ageMs: index, end: [...positions] }];
    span.room = ofLanes.reduce((sum, count) => sum + count * RECORD_BYTES, 0);
    return span;
  });
}

const nothingLeased = () => [];
const delivered = (lane: Lane, from: number, to: number) => ({
  epoch: EPOCH,
  lane,
  from,
  to,
  fate: 'delivered' as const,
});

describe('which segment is emptied', () => {
  test('the one with the least that waits, if that is at most four fifths of it; never the last two', () => {
    const spans = segmentsOf([
      [0, 0, 100],
      [0, 0, 100],
      [0, 0, 100],
      [0, 0, 100],
    ]);
    const book = emptyFateBook();
    enterOutcomes(book, [delivered(2, 0, 19)]);
    expect(segmentToEmpty(spans, book)).toBeUndefined();
    enterOutcomes(book, [delivered(2, 19, 50), delivered(2, 100, 170), delivered(2, 200, 400)]);
    expect(segmentToEmpty(spans, book)?.segment).toBe(2);
  });

  test('one with records that stay local only if there is no other', () => {
    const spans = segmentsOf([
      [0, 0, 10, 0, 90],
      [0, 0, 100],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    const book = emptyFateBook();
    expect(segmentToEmpty(spans, book)?.segment).toBe(1);
    enterOutcomes(book, [delivered(2, 10, 70)]);
    expect(segmentToEmpty(spans, book)?.segment).toBe(2);
  });
});

describe('what is evicted', () => {
  const spans = segmentsOf([
    [5, 5, 5, 5],
    [5, 5, 5, 5],
    [5, 5, 5, 5],
  ]);

  function evictAll(from: Lane, book: FateBook): string[] {
    const order: string[] = [];
    for (;;) {
      const outcomes = nextToEvict({ spans, book, leased: nothingLeased, from });
      if (outcomes.length === 0) return order;
      enterOutcomes(book, outcomes);
      order.push(...outcomes.map(({ lane, from: first, to }) => `${lane}: ${first}–${to}`));
    }
  }

  test('the lowest class first, its oldest first; critical never', () => {
    expect(evictAll(1, emptyFateBook())).toEqual([
      '3: 0–5',
      '3: 5–10',
      '3: 10–15',
      '2: 0–5',
      '2: 5–10',
      '2: 10–15',
      '1: 0–5',
      '1: 5–10',
      '1: 10–15',
    ]);
  });

  test('nothing more important than what is to come in', () => {
    expect(evictAll(3, emptyFateBook())).toEqual(['3: 0–5', '3: 5–10', '3: 10–15']);
  });

  test('not what is on its way', () => {
    const leased = (_epoch: string, lane: Lane) => (lane === 3 ? [{ from: 0, to: 12 }] : []);
    expect(nextToEvict({ spans, book: emptyFateBook(), leased, from: 1 })).toEqual([
      { epoch: EPOCH, lane: 3, from: 12, to: 15, fate: 'evicted' },
    ]);
  });

  test('records that were carried on are as old as they were', () => {
    const [first, second, third] = segmentsOf([[0, 0, 0, 5], [0, 0, 0, 5], [0]]);
    third!.carried = [{ epoch: '00000000000000bb', lane: 3, from: 7, to: 9, sinceMs: -10, ageMs: -10, bytes: 40 }];
    const all = [first!, second!, third!];
    expect(nextToEvict({ spans: all, book: emptyFateBook(), leased: nothingLeased, from: 1 })).toEqual([
      { epoch: '00000000000000bb', lane: 3, from: 7, to: 9, fate: 'evicted' },
    ]);
  });

  test('law: whatever waits and is leased, only waiting, unleased records of the lowest such class go', () => {
    const range = fc
      .tuple(fc.nat(14), fc.integer({ min: 1, max: 6 }))
      .map(([from, length]) => ({ from, to: from + length }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...LANES), range), { maxLength: 12 }),
        fc.array(fc.tuple(fc.constantFrom(...LANES), range), { maxLength: 6 }),
        fc.constantFrom<Lane>(1, 2, 3),
        (done, leases, from) => {
          const book = emptyFateBook();
          enterOutcomes(
            book,
            done.map(([lane, part]) => delivered(lane, part.from, part.to)),
          );
          const leased = (_epoch: string, lane: Lane) =>
            rangeSetOf(leases.filter(([of]) => of === lane).map(([, part]) => part));
          const free = (lane: Lane) =>
            spans
              .flatMap(holdingsOf)
              .filter((one) => one.lane === lane)
              .flatMap((one) => unfinished(fatesOf(book, EPOCH, lane), [one]))
              .flatMap(({ from: a, to: b }) => Array.from({ length: b - a }, (_, index) => a + index))
              .filter(
                (position) => !leases.some(([of, part]) => of === lane && part.from <= position && position < part.to),
              );
          const lowest = ([3, 2, 1] as const).find((lane) => lane >= from && free(lane).length > 0);
          const outcomes = nextToEvict({ spans, book, leased, from });
          if (lowest === undefined) return expect(outcomes).toEqual([]);
          expect(outcomes.length).toBeGreaterThan(0);
          for (const outcome of outcomes) {
            expect(outcome.lane).toBe(lowest);
            for (let position = outcome.from; position < outcome.to; position++)
              expect(free(lowest)).toContain(position);
          }
          expect(Math.min(...outcomes.map((outcome) => outcome.from))).toBe(Math.min(...free(lowest)));
        },
      ),
    );
  });
});
