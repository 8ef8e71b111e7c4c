import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LANES } from '../../core/priority.ts';
import { JOURNAL_LANES } from '../../journal/commit-codec.ts';
import { packSpans, unpackEnds, unpackSpans } from '../../journal/span-codec.ts';

const count = fc.integer({ min: 0, max: 2 ** 40 });
const age = fc.integer({ min: -(2 ** 40), max: 2 ** 40 });
const lanes = fc.array(count, { minLength: JOURNAL_LANES, maxLength: JOURNAL_LANES });
const epoch = fc.constantFrom('00000000000000aa', '00000000000000bb', 'ffffffffffffffff');
const span = fc.record({
  segment: count,
  epoch,
  start: lanes,
  end: lanes,
  laneBytes: lanes,
  bytes: count,
  room: count,
  marks: fc.array(fc.record({ sinceMs: age, ageMs: age, end: lanes }), { maxLength: 4 }),
  carried: fc.array(
    fc.record({
      epoch,
      lane: fc.constantFrom(...LANES),
      from: count,
      to: count,
      sinceMs: age,
      ageMs: age,
      bytes: count,
    }),
    { maxLength: 4 },
  ),
});

const end = fc.tuple(epoch, fc.array(count, { minLength: LANES.length, maxLength: LANES.length }));

test('law: spans and ends come back from their packed form as JSON', () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 5 }), fc.uniqueArray(end, { selector: ([of]) => of }), (spans, ends) => {
      const packed = JSON.parse(JSON.stringify(packSpans(spans, ends)));
      expect(unpackSpans(packed)).toEqual(spans);
      expect(unpackEnds(packed)).toEqual(ends);
    }),
  );
});
