import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Arrival,
  createRedeliveryWindow,
  type Kept,
  type RedeliveryWindow,
} from '../../../core/listen/redelivery-window.ts';

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

test('law: after any run of messages, twice as many of each client are known as it may have open, also after a restart', () => {
  const messages = fc.array(fc.record({ client: fc.constantFrom('a', 'b'), packetId: fc.integer({ min: 1, max: 9 }) }));
  fc.assert(
    fc.property(messages, fc.integer({ min: 1, max: 5 }), (sent, maxInFlight) => {
      const window = createRedeliveryWindow(maxInFlight);
      /** What a journal would hold: the last entry of each key. */
      const kept = new Map<string, string>();
      const last = new Map<string, { packetId: number; hash: number }[]>();
      sent.forEach(({ client, packetId }, at) => {
        const { key, entry } = add(window, client, { packetId, hash: at });
        kept.set(key, entry);
        last.set(client, [...(last.get(client) ?? []), { packetId, hash: at }].slice(-2 * maxInFlight));
      });
      expect(kept.size).toBe([...last.values()].flat().length);
      const restarted = createRedeliveryWindow(maxInFlight, kept);
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

test('law: what is committed stays known while its client has no acknowledgement, whatever crashes made of the others', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), at: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('acknowledge' as const), at: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), at: fc.constant(0) }) },
    ),
    { maxLength: 80, size: 'max' },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 5 }), (run, maxInFlight) => {
      const kept = new Map<string, string>();
      const committed = new Set<number>();
      let window = createRedeliveryWindow(maxInFlight);
      let waiting = new Map<number, Kept>();
      let unacknowledged: number[] = [];
      let sent = 0;
      let connection = 1;
      const receive = (hash: number): void => {
        const packetId = (hash % (maxInFlight + 1)) + 1;
        const known = window.find('a', arrival({ packetId, hash, connection })) !== undefined;
        expect({ hash, known }).toEqual({ hash, known: committed.has(hash) });
        if (!known) waiting.set(hash, add(window, 'a', { packetId, hash, connection }));
      };
      for (const step of run) {
        while (unacknowledged.length < maxInFlight) {
          unacknowledged.push(++sent);
          receive(sent);
        }
        if (step.do === 'commit') {
          const [hash, { key, entry }] = [...waiting][step.at % Math.max(1, waiting.size)] ?? [
            0,
            { key: '', entry: '' },
          ];
          if (!waiting.delete(hash)) continue;
          committed.add(hash);
          kept.set(key, entry);
        } else if (step.do === 'acknowledge') {
          const end = unacknowledged.findIndex((hash) => !committed.has(hash));
          const open = end < 0 ? unacknowledged.length : end;
          unacknowledged = unacknowledged.slice(Math.min(open, step.at));
        } else {
          window = createRedeliveryWindow(maxInFlight, kept);
          waiting = new Map();
          connection++;
          unacknowledged.forEach(receive);
        }
      }
    }),
  );
});

test('what waited until it was forgotten does not take the place of a later message', () => {
  const window = createRedeliveryWindow(1);
  const [first, second, third] = [1, 2, 3].map((packetId) => add(window, 'a', { packetId })) as [Kept, Kept, Kept];
  expect(third.key).toBe(first.key);
  expect([first, second, third].map((kept) => kept.isCurrent())).toEqual([false, true, true]);
});

test('another size after a restart: as many of the last are known as fit, and later ones take over', () => {
  const window = createRedeliveryWindow(4);
  const kept = Array.from({ length: 8 }, (_, at) => add(window, 'a', { packetId: at + 1, hash: at }));
  const shuffled = [5, 2, 7, 0, 1, 6, 3, 4].map((at) => [kept[at]!.key, kept[at]!.entry] as const);
  const known = (of: RedeliveryWindow) =>
    kept.map((_, at) => of.find('a', arrival({ packetId: at + 1, hash: at, dup: true })) !== undefined);
  const smaller = createRedeliveryWindow(1, shuffled);
  expect(known(smaller)).toEqual([false, false, false, false, false, false, true, true]);
  add(smaller, 'a', { packetId: 100 });
  expect(known(smaller)).toEqual([false, false, false, false, false, false, false, true]);
  const odd = [['a/9', 'not an entry'] as const, ['a/x', kept[0]!.entry] as const, ['a/10', 7] as const];
  expect(known(createRedeliveryWindow(20, [...shuffled, ...odd]))).toEqual(kept.map(() => true));
});

test('the count of messages may overflow', () => {
  const entryOf = (sequence: number, packetId: number): string => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32LE(sequence, 0);
    bytes.writeUInt16LE(packetId, 4);
    bytes.writeUIntLE(5, 6, 6);
    return bytes.toString('base64');
  };
  const window = createRedeliveryWindow(1, [
    ['a/0', entryOf(0, 3)],
    ['a/1', entryOf(2 ** 32 - 2, 1)],
    ['a/2', entryOf(2 ** 32 - 1, 2)],
  ]);
  const known = [1, 2, 3].map((packetId) => window.find('a', arrival({ packetId, hash: 5, dup: true })) !== undefined);
  expect(known).toEqual([false, true, true]);
});
