import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Arrival, createRedeliveryWindow, type RedeliveryWindow } from '../../../core/listen/redelivery-window.ts';

const arrival = (rest: Partial<Arrival>): Arrival => ({
  packetId: 1,
  hash: 11,
  connection: 1,
  dup: false,
  persistent: true,
  ...rest,
});
const DONE = Promise.resolve();
const add = (window: RedeliveryWindow, client: string, rest: Partial<Arrival>) =>
  window.add(client, arrival(rest), DONE);

test('with the DUP flag, the same client, packet id and content are known, whatever the connection', () => {
  const window = createRedeliveryWindow(4);
  add(window, 'a', { packetId: 7, hash: 70 });
  const again = (client: string, rest: Partial<Arrival>) =>
    window.find(client, arrival({ packetId: 7, hash: 70, dup: true, ...rest })) !== undefined;
  expect(again('a', {})).toBe(true);
  expect(again('a', { connection: 2, persistent: false })).toBe(true);
  expect([again('b', {}), again('a', { packetId: 8 }), again('a', { hash: 71 })]).toEqual([false, false, false]);
});

test('without the flag only on a new connection of a kept session, and once a connection', () => {
  const window = createRedeliveryWindow(4);
  add(window, 'a', { connection: 1 });
  const known = (connection: number, persistent: boolean) =>
    window.find('a', arrival({ connection, persistent })) !== undefined;
  expect([known(1, true), known(2, false), known(2, true)]).toEqual([false, false, true]);
  // The client had its acknowledgement on this connection, so the id is free for another message of the same content.
  expect(known(2, true)).toBe(false);
});

test('a packet id that is used again stands for its later message only, whose fate is given', () => {
  const window = createRedeliveryWindow(4);
  add(window, 'a', { hash: 1 });
  const fate = new Promise<void>(() => undefined);
  window.add('a', arrival({ hash: 2 }), fate);
  expect(window.find('a', arrival({ hash: 1, dup: true }))).toBeUndefined();
  expect(window.find('a', arrival({ hash: 2, dup: true }))?.fate).toBe(fate);
});

test('law: after any run of messages, the last ones of each client are known and no others, also after a restart', () => {
  const messages = fc.array(fc.record({ client: fc.constantFrom('a', 'b'), packetId: fc.integer({ min: 1, max: 9 }) }));
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 5 }), (sent, size) => {
      const window = createRedeliveryWindow(size);
      /** What a journal would hold: the last entry of each key. */
      const kept = new Map<string, readonly [string, string]>();
      const last = new Map<string, { packetId: number; hash: number }[]>();
      sent.forEach(({ client, packetId }, at) => {
        const { slot, entry } = add(window, client, { packetId, hash: at });
        expect(slot).toBeLessThan(size);
        kept.set(`${client}/${slot}`, [client, entry]);
        last.set(client, [...(last.get(client) ?? []), { packetId, hash: at }].slice(-size));
      });
      const restarted = createRedeliveryWindow(size, kept.values());
      for (const each of [window, restarted]) {
        sent.forEach(({ client, packetId }, hash) => {
          const latest = last.get(client)!.findLast((message) => message.packetId === packetId);
          const found = each.find(client, arrival({ packetId, hash, dup: true, connection: 9 }));
          expect(found !== undefined).toBe(latest?.hash === hash);
        });
      }
    }),
  );
});

test('another size after a restart: as many of the last are known as fit, and later ones take over', () => {
  const window = createRedeliveryWindow(8);
  const entries = Array.from({ length: 8 }, (_, at) => add(window, 'a', { packetId: at + 1, hash: at }).entry);
  const shuffled = [5, 2, 7, 0, 1, 6, 3, 4].map((at) => ['a', entries[at]!] as const);
  const known = (of: RedeliveryWindow) =>
    entries.map((_, at) => of.find('a', arrival({ packetId: at + 1, hash: at, dup: true })) !== undefined);
  const smaller = createRedeliveryWindow(3, shuffled);
  expect(known(smaller)).toEqual([false, false, false, false, false, true, true, true]);
  add(smaller, 'a', { packetId: 100 });
  expect(known(smaller)).toEqual([false, false, false, false, false, false, true, true]);
  expect(known(createRedeliveryWindow(20, [...shuffled, ['a', 'not an entry']]))).toEqual(entries.map(() => true));
});

test('the count of messages may overflow', () => {
  const entryOf = (sequence: number, packetId: number): string => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32LE(sequence, 0);
    bytes.writeUInt16LE(packetId, 4);
    bytes.writeUIntLE(5, 6, 6);
    return bytes.toString('base64');
  };
  const window = createRedeliveryWindow(2, [
    ['a', entryOf(0, 3)],
    ['a', entryOf(2 ** 32 - 2, 1)],
    ['a', entryOf(2 ** 32 - 1, 2)],
  ]);
  const known = [1, 2, 3].map((packetId) => window.find('a', arrival({ packetId, hash: 5, dup: true })) !== undefined);
  expect(known).toEqual([false, true, true]);
});
