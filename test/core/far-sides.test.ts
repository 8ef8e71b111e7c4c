import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  changeFarSide,
  type DeliveredElsewhere,
  elsewhereIn,
  forgetLane,
  NOWHERE_ELSE,
  retiredElsewhere,
} from '../../core/far-sides.ts';
import { addRange, countOf, NO_RANGES, type RangeSet, subtract } from '../../core/ranges.ts';

/** A plain book beside it: which far side has which position. */
test('law: what is attributed to each far side is what it acknowledged, through every change and forgotten lane', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('deliver' as const),
        lane: fc.nat(3),
        count: fc.integer({ min: 1, max: 9 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('change' as const), to: fc.constantFrom('a', 'b', 'c') }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), lane: fc.nat(3) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let elsewhere: DeliveredElsewhere = NOWHERE_ELSE;
      let present = 'a';
      let lanes: Record<string, RangeSet> = {};
      const retired = [0, 0, 0, 0];
      const ends: Record<string, number> = {};
      const truth: { side: string; lane: number; count: number; open: boolean }[] = [];
      for (const one of steps) {
        if (one.type === 'deliver') {
          const name = `e/${one.lane}`;
          const from = ends[name] ?? 0;
          ends[name] = from + one.count;
          lanes[name] = addRange(lanes[name] ?? NO_RANGES, { from, to: ends[name] });
          truth.push({ side: present, lane: one.lane, count: one.count, open: true });
        } else if (one.type === 'change' && one.to !== present) {
          elsewhere = changeFarSide(elsewhere, { from: present, to: one.to }, lanes, retired);
          present = one.to;
        } else if (one.type === 'forget') {
          const name = `e/${one.lane}`;
          retired[one.lane]! += countOf(lanes[name] ?? NO_RANGES);
          elsewhere = forgetLane(elsewhere, name, one.lane);
          lanes = Object.fromEntries(Object.entries(lanes).filter(([other]) => other !== name));
          for (const entry of truth) if (entry.lane === one.lane) entry.open = false;
        }
        for (const lane of [0, 1, 2, 3]) {
          const here = countOf(subtract(lanes[`e/${lane}`] ?? NO_RANGES, elsewhereIn(elsewhere, `e/${lane}`)));
          const sum = (open: boolean) =>
            truth.reduce(
              (total, entry) =>
                total + (entry.side === present && entry.lane === lane && entry.open === open ? entry.count : 0),
              0,
            );
          expect(here).toBe(sum(true));
          expect(retired[lane]! - retiredElsewhere(elsewhere, lane)).toBe(sum(false));
        }
      }
      expect(elsewhere[present]).toBeUndefined();
    }),
  );
});

test('many replaced stores stay bounded, and their sum stays right', () => {
  let elsewhere: DeliveredElsewhere = NOWHERE_ELSE;
  let delivered: RangeSet = NO_RANGES;
  for (let store = 0; store < 50; store++) {
    delivered = addRange(delivered, { from: store * 10, to: store * 10 + 10 });
    elsewhere = changeFarSide(elsewhere, { from: `s-${store}`, to: `s-${store + 1}` }, { lane: delivered }, [
      store + 1,
    ]);
  }
  expect(Object.keys(elsewhere).length).toBeLessThanOrEqual(8);
  expect([countOf(elsewhereIn(elsewhere, 'lane')), retiredElsewhere(elsewhere, 0)]).toEqual([500, 50]);
});
