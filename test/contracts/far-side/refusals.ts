import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EnvelopeRecord, MAX_ENVELOPE_BYTES, MAX_ENVELOPE_DAYS } from '../../../core/envelope.ts';
import { identityLength, withVersion } from '../../helpers/envelope-damage.ts';
import { recordAt, START_MS } from '../../helpers/envelopes.ts';
import { ack, type Driver, encoded, refused, status } from './driver.ts';

export function refusalCases({ far, send, take }: Driver): void {
  describe('what cannot be taken', () => {
    const good = encoded(10, 20);

    test.each<[string, Uint8Array]>([
      ['nothing', new Uint8Array(0)],
      ['noise', Buffer.from('some words that are no message')],
      ['a broken question', Buffer.from('{"type":"status"')],
      ['an envelope cut off in its identity', good.subarray(0, 12)],
      ['an envelope of another name', Buffer.concat([Buffer.from('HX'), good.subarray(2)])],
    ])('%s: put aside without an answer, since nobody is named', async (_, payload) => {
      expect(await take('node-a', payload)).toEqual([]);
      expect(await far().poison()).toMatchObject([{ client: 'node-a', reason: 'undecodable' }]);
    });

    test('a kind that only a newer node knows is passed over, and not put aside', async () => {
      expect(await take('node-a', Buffer.from('{"type":"please"}'))).toEqual([]);
      expect(await far().poison()).toEqual([]);
    });

    test.each<[string, Uint8Array, string]>([
      ['cut off', good.subarray(0, good.length - 1), 'undecodable'],
      ['damaged', Buffer.from(good).fill(0x55, identityLength(good), identityLength(good) + 9), 'undecodable'],
      ['of a version to come', withVersion(good, 2), 'unsupported-version'],
      ['too large', Buffer.concat([good, Buffer.alloc(MAX_ENVELOPE_BYTES)]), 'too-large'],
    ])('an envelope %s: put aside and refused by name', async (_, payload, reason) => {
      expect(await take('node-a', payload)).toEqual([refused([10, 20], reason)]);
      expect(await far().poison()).toMatchObject([{ client: 'node-a', reason }]);
      expect(await far().indexed()).toEqual({ stored: 0, givenUp: 0 });
      expect(await send(10, 20)).toEqual([ack([10, 20])]);
    });

    test('records of more days than an envelope may have: a few bytes must not ask for thousands of objects', async () => {
      const daily = (count: number): EnvelopeRecord[] =>
        Array.from({ length: count }, (_, at) => recordAt(at, { ts: START_MS + at * 86_400_000 }));
      const over = MAX_ENVELOPE_DAYS + 1;
      expect(await send(0, over, { records: daily(over) })).toEqual([refused([0, over], 'too-large')]);
      expect(await far().indexed()).toEqual({ stored: 0, givenUp: 0 });
      expect(await send(0, over - 1, { records: daily(over - 1) })).toEqual([ack([0, over - 1])]);
      expect(await far().rows()).toHaveLength(MAX_ENVELOPE_DAYS);
    });

    test('a node that this client may not carry', async () => {
      expect(await take('node-b', good)).toEqual([refused([10, 20], 'not-allowed')]);
      expect(await take('stranger', good)).toEqual([refused([10, 20], 'not-allowed')]);
      expect((await far().poison()).map(({ client }) => client).sort()).toEqual(['node-b', 'stranger']);
      expect(await take('stranger', status([[0, 10]]))).toEqual([]);
      expect(await far().rows()).toEqual([]);
      expect(await far().poison()).toHaveLength(3);
    });

    test('a node that this client may carry for it', async () => {
      expect(await take('hub-1', encoded(10, 20, { node: 'node-b' }))).toEqual([ack([10, 20])]);
      expect((await far().rows()).every((row) => row.node === 'node-b')).toBe(true);
    });

    test('one bad message does not hold the others', async () => {
      const items = await take('node-a', encoded(0, 5), Buffer.from('noise'), withVersion(good, 9), encoded(5, 9));
      expect(items).toEqual([ack([0, 9]), refused([10, 20], 'unsupported-version')]);
      expect(await far().poison()).toHaveLength(2);
    });

    test('any bytes at all', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 5 }), async (noise) => {
          expect(await take('node-a', ...noise)).toEqual([]);
        }),
        { numRuns: 20 },
      );
      expect(await far().indexed()).toEqual({ stored: 0, givenUp: 0 });
    });
  });
}
