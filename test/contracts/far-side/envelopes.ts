import { describe, expect, test } from '@jest/globals';
import { MAX_KNOWN_RANGES } from '../../../core/messages.ts';
import { type EnvelopeSketch, EPOCH_A, EPOCH_B, recordAt } from '../../helpers/envelopes.ts';
import { ack, byNumber, type Driver, encoded, pairs, refused, upTo } from './driver.ts';

export function envelopeCases({ far, send, storedPositions, take }: Driver): void {
  describe('envelopes', () => {
    test('stored, value for value, then acknowledged', async () => {
      const records = [
        recordAt(0, { value: -0.125 }),
        recordAt(1, { value: true }),
        recordAt(2, { value: 'geöffnet', stream: 'state' }),
        recordAt(3, { value: null, quality: 'bad', clock: 'unsynced' }),
      ];
      expect(await send(0, 4, { records })).toEqual([ack([0, 4])]);
      const rows = [...(await far().rows())].sort((a, b) => a.position - b.position);
      const identity = { site: 'hall-1', node: 'node-a', producer: 'edge', epoch: EPOCH_A, lane: 2 };
      const values = [-0.125, 1, null, null];
      expect(rows).toEqual(
        records.map(({ value, ...record }, position) =>
          expect.objectContaining({
            ...identity,
            ...record,
            position,
            value: values[position],
            text: typeof value === 'string' ? value : null,
          }),
        ),
      );
      expect(await far().indexed()).toEqual({ stored: 4, givenUp: 0 });
    });

    test('a resend is acknowledged again, and its rows are there once', async () => {
      await send(0, 10);
      expect(await send(0, 10)).toEqual([ack([0, 10])]);
      expect(await take('node-a', encoded(0, 10), encoded(0, 10))).toEqual([ack([0, 10])]);
      expect(await storedPositions()).toEqual(upTo(10));
    });

    test('a resend cut anew is acknowledged: halves of a known range, or both ranges as one', async () => {
      await send(0, 10);
      expect(await send(0, 5)).toEqual([ack([0, 5])]);
      expect(await send(5, 10)).toEqual([ack([5, 10])]);
      await send(10, 20);
      expect(await send(0, 20)).toEqual([ack([0, 20])]);
      expect(await storedPositions()).toEqual(upTo(20));
    });

    test('another content under a known range: kept aside, refused, never acknowledged', async () => {
      await send(0, 10);
      const forged = encoded(0, 10, { hash: 'f'.repeat(16), records: upTo(10).map((at) => recordAt(at + 500)) });
      expect(await take('node-a', forged)).toEqual([refused([0, 10], 'identity-conflict')]);
      expect(await take('node-a', forged)).toEqual([refused([0, 10], 'identity-conflict')]);
      const poison = await far().poison();
      // The same message twice may be kept once.
      expect(new Set(poison.map(({ client, reason }) => `${client} ${reason}`))).toEqual(
        new Set(['node-a identity-conflict']),
      );
      expect(Buffer.from(poison[0]!.payload).equals(forged)).toBe(true);
      expect((await far().rows()).map((row) => row.value).sort(byNumber)).toEqual(upTo(10).map((at) => at / 10));
    });

    test('the same within one batch', async () => {
      const items = await take('node-a', encoded(0, 10), encoded(0, 10, { hash: 'f'.repeat(16) }));
      expect(items).toEqual([ack([0, 10]), refused([0, 10], 'identity-conflict')]);
    });

    test('known in part: refused with what is known, and the rest is taken then', async () => {
      await take('node-a', encoded(2, 4), encoded(6, 8));
      expect(await send(0, 10)).toEqual([{ ...refused([0, 10], 'overlap'), known: pairs([2, 4], [6, 8]) }]);
      expect(await storedPositions()).toEqual([2, 3, 6, 7]);
      expect(await take('node-a', encoded(0, 2), encoded(4, 6), encoded(8, 10))).toEqual([
        ack([0, 2], [4, 6], [8, 10]),
      ]);
      expect(await storedPositions()).toEqual(upTo(10));
      expect(await far().indexed()).toEqual({ stored: 10, givenUp: 0 });
      expect(await far().poison()).toEqual([]);
    });

    test('two envelopes of one batch that overlap: the second hears of the first', async () => {
      const items = await take('node-a', encoded(0, 6), encoded(4, 10));
      expect(items).toEqual([ack([0, 6]), { ...refused([4, 10], 'overlap'), known: pairs([4, 6]) }]);
      expect(await storedPositions()).toEqual(upTo(6));
    });

    test('many envelopes in one batch are one answer', async () => {
      const all = upTo(100).map((at) => encoded(at * 10, at * 10 + 10));
      expect(await take('node-a', ...all)).toEqual([ack([0, 1_000])]);
      expect(await storedPositions()).toEqual(upTo(1_000));
    });

    test('two producers, epochs, lanes and nodes have their own positions', async () => {
      const others: EnvelopeSketch[] = [{}, { producer: 'ml' }, { epoch: EPOCH_B }, { lane: 0 }];
      for (const sketch of others) expect(await send(0, 3, sketch)).toEqual([{ ...ack([0, 3]), ...sketch }]);
      expect(await take('node-b', encoded(0, 3, { node: 'node-b' }))).toEqual([ack([0, 3])]);
      expect(await far().rows()).toHaveLength(15);
      expect(await far().indexed()).toEqual({ stored: 15, givenUp: 0 });
    });

    test('the answers of a very scattered lane stay small', async () => {
      const scattered = upTo(999).map((at) => ({ from: 2 * at + 1, to: 2 * at + 2 }));
      const items = await send(0, 1_999, { givenUp: scattered });
      const ranges = items.flatMap((item) => (item.type === 'stored' ? item.ranges : []));
      expect(ranges).toEqual(upTo(1_000).map((at) => ({ from: 2 * at, to: 2 * at + 1 })));
      const [overlap] = await send(0, 1_999, { givenUp: [] });
      expect(overlap).toEqual({
        ...refused([0, 1_999], 'overlap'),
        known: ranges.slice(0, MAX_KNOWN_RANGES),
      });
    });

    test('a lane in a thousand pieces takes no further one, but what fills its holes', async () => {
      await send(0, 1_999, { givenUp: upTo(999).map((at) => ({ from: 2 * at + 1, to: 2 * at + 2 })) });
      expect(await send(3_000, 3_005)).toEqual([refused([3_000, 3_005], 'too-fragmented')]);
      expect(await send(1, 2)).toEqual([ack([1, 2])]);
      expect(await send(3_000, 3_005)).toEqual([ack([3_000, 3_005])]);
      expect(await far().poison()).toEqual([]);
    });
  });
}
