import { describe, expect, test } from '@jest/globals';
import { addRanges, type RangeSet, subtract } from '../../../core/ranges.ts';
import { ack, counts, type Driver, encoded, lane, pairs, status, upTo } from './driver.ts';

export function questionCases({ far, send, take }: Driver): void {
  describe('questions', () => {
    test('status: known, known in part, unknown, never heard of', async () => {
      await take('node-a', encoded(0, 10), encoded(20, 30));
      const question = status([
        [0, 10],
        [15, 25],
        [40, 50],
      ]);
      expect(await take('node-a', question)).toEqual([
        { ...lane, type: 'status', asked: pairs([0, 10], [15, 25], [40, 50]), known: pairs([0, 10], [20, 25]) },
      ]);
      expect(await take('node-b', question)).toMatchObject([{ type: 'status', known: [] }]);
    });

    test('status in the batch of its envelope tells what is stored with it', async () => {
      const items = await take('node-a', status([[0, 20]]), encoded(0, 10));
      expect(items).toEqual([ack([0, 10]), { ...lane, type: 'status', asked: pairs([0, 20]), known: pairs([0, 10]) }]);
    });

    test('given up is not known', async () => {
      await send(0, 10, { givenUp: [{ from: 3, to: 5 }] });
      expect(await take('node-a', status([[0, 10]]))).toMatchObject([{ known: pairs([0, 3], [5, 10]) }]);
    });

    test('status about a very scattered lane is answered in parts that each are true', async () => {
      const holes = upTo(300).map((at) => ({ from: 2 * at + 1, to: 2 * at + 2 }));
      await send(0, 601, { givenUp: holes });
      let asked: RangeSet = [{ from: 0, to: 700 }];
      let known: RangeSet = [];
      for (let rounds = 0; asked.length > 0; rounds++) {
        expect(rounds).toBeLessThan(10);
        const [item] = await take('node-a', status(asked.map(({ from, to }) => [from, to])));
        if (item?.type !== 'status') throw new Error('no status');
        known = addRanges(known, item.known);
        asked = subtract(asked, item.asked);
      }
      expect(known).toEqual(upTo(301).map((at) => ({ from: 2 * at, to: 2 * at + 1 })));
    });

    test('a count statement is taken down: what was given up, less what is stored', async () => {
      await send(0, 5);
      const statement = counts(20, 5, [
        [3, 7],
        [12, 15],
      ]);
      expect(await take('node-a', statement)).toEqual([
        { ...lane, type: 'counted', upTo: 20, givenUp: pairs([3, 7], [12, 15]) },
      ]);
      expect(await far().indexed()).toEqual({ stored: 5, givenUp: 5 });
      expect(await take('node-a', statement)).toHaveLength(1);
      expect(await far().indexed()).toEqual({ stored: 5, givenUp: 5 });
      expect(await send(12, 15)).toEqual([ack([12, 15])]);
      expect(await far().indexed()).toEqual({ stored: 8, givenUp: 2 });
    });
  });
}
