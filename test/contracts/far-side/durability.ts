import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { liveRanges } from '../../../core/envelope.ts';
import type { AnswerItem } from '../../../core/messages.ts';
import { addRanges, type Range, type RangeSet, rangeSetOf, subtract, within } from '../../../core/ranges.ts';
import { positions } from '../../helpers/envelopes.ts';
import { ack, byNumber, type Driver, encoded, farSideOf, pairs, refused } from './driver.ts';

export function durabilityCases({ far, send, storedPositions, take }: Driver): void {
  describe('for ever', () => {
    test('after a restart everything is still known', async () => {
      await send(0, 10, { givenUp: [{ from: 3, to: 5 }] });
      await take('node-a', Buffer.from('noise'));
      await far().reopen();
      expect(await send(0, 10, { givenUp: [{ from: 3, to: 5 }] })).toEqual([ack([0, 3], [5, 10])]);
      expect(await send(0, 10, { givenUp: [{ from: 3, to: 5 }], hash: 'f'.repeat(16) })).toEqual([
        refused([0, 10], 'identity-conflict'),
      ]);
      expect(await send(8, 12)).toEqual([{ ...refused([8, 12], 'overlap'), known: pairs([8, 10]) }]);
      expect(await far().indexed()).toEqual({ stored: 8, givenUp: 2 });
      expect(await storedPositions()).toHaveLength(8);
      expect(await far().poison()).toHaveLength(2);
    });

    test('a restarted far side is the same one', async () => {
      const idOf = async () => (await far().deliver('node-a', [encoded(0, 1)])).answers.map(farSideOf);
      const before = await idOf();
      await far().reopen();
      expect(await idOf()).toEqual(before);
    });

    test('cut, doubled and reordered at random, each position is stored exactly once', async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(delivery, async ({ length, holes, batches }) => {
          const epoch = (++run).toString(16).padStart(16, '0');
          const givenUp = rangeSetOf(holes.map((from) => ({ from, to: from + 1 })).filter(({ to }) => to <= length));
          const part = (range: Range): Uint8Array =>
            encoded(range.from, range.to, { epoch, givenUp: within(givenUp, range) });
          let acknowledged: RangeSet = [];
          const hear = (items: readonly AnswerItem[]): void => {
            for (const item of items) {
              if (item.type === 'stored') acknowledged = addRanges(acknowledged, item.ranges);
              else expect(item).toMatchObject({ type: 'refused', reason: 'overlap' });
              if (item.type === 'refused') acknowledged = addRanges(acknowledged, item.known ?? []);
            }
          };
          for (const batch of batches) {
            const cuts = batch
              .map(([from, size]) => ({ from: from % length, to: Math.min(length, (from % length) + size) }))
              .map(part);
            hear(await take('node-a', ...cuts));
          }
          const live = liveRanges({ from: 0, to: length, givenUp });
          // Everything that was acknowledged is stored, and the rest goes through when sent as it is.
          const rest = subtract(live, acknowledged);
          if (rest.length > 0) hear(await take('node-a', ...rest.map(part)));
          expect(acknowledged).toEqual(live);
          const rows = (await far().rows()).filter((row) => row.epoch === epoch);
          expect(rows.map((row) => row.position).sort(byNumber)).toEqual(positions(live));
          expect(rows.every((row) => row.value === row.position / 10)).toBe(true);
        }),
        { numRuns: 40 },
      );
      const { stored } = await far().indexed();
      expect(stored).toBe((await far().rows()).length);
    });
  });
}

const delivery = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  holes: fc.array(fc.nat(39), { maxLength: 6 }),
  batches: fc.array(fc.array(fc.tuple(fc.nat(39), fc.integer({ min: 1, max: 15 })), { minLength: 1, maxLength: 4 }), {
    maxLength: 5,
  }),
});
