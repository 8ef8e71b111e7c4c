import { describe, expect, test } from '@jest/globals';
import { ack, type Driver, upTo } from './driver.ts';

export function givenUpCases({ far, send, storedPositions }: Driver): void {
  describe('given up', () => {
    test('inside an envelope: in the index as given up, never as stored', async () => {
      expect(await send(0, 10, { givenUp: [{ from: 3, to: 5 }] })).toEqual([ack([0, 3], [5, 10])]);
      expect(await storedPositions()).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
      expect(await far().indexed()).toEqual({ stored: 8, givenUp: 2 });
      expect(await send(0, 10, { givenUp: [{ from: 3, to: 5 }] })).toEqual([ack([0, 3], [5, 10])]);
    });

    test('a replayed dead letter is stored and leaves given up', async () => {
      await send(0, 10, { givenUp: [{ from: 3, to: 5 }] });
      expect(await send(3, 5)).toEqual([ack([3, 5])]);
      expect(await storedPositions()).toEqual(upTo(10));
      expect(await far().indexed()).toEqual({ stored: 10, givenUp: 0 });
      expect(await send(0, 10, { givenUp: [{ from: 3, to: 5 }] })).toEqual([ack([0, 3], [5, 10])]);
      expect(await far().indexed()).toEqual({ stored: 10, givenUp: 0 });
    });

    test('more given up before the resend is no conflict, though the hash is another', async () => {
      await send(0, 10);
      const later = { givenUp: [{ from: 3, to: 5 }], hash: 'f'.repeat(16) };
      expect(await send(0, 10, later)).toEqual([ack([0, 3], [5, 10])]);
      expect(await far().indexed()).toEqual({ stored: 10, givenUp: 0 });
    });

    test('an envelope with nothing left in it says only that, and needs no answer', async () => {
      expect(await send(0, 10, { givenUp: [{ from: 0, to: 10 }] })).toEqual([]);
      expect(await far().indexed()).toEqual({ stored: 0, givenUp: 10 });
    });
  });
}
