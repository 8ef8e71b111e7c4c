import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Uplink } from '../../core/ports.ts';
import type { Ingest, IngestMessage } from '../../lambdas/ingest/env.ts';
import { until } from '../helpers/hub-rig.ts';

/** One way from a node to a far side, with the means to break it. */
export interface UplinkUnderTest {
  uplink: Uplink;
  cut: () => Promise<void>;
  restore: () => Promise<void>;
  dispose: () => Promise<void>;
}

/** Every uplink behaves like this, over a wire or in memory. */
export function describeUplink(name: string, create: (ingest: Ingest, node: string) => Promise<UplinkUnderTest>): void {
  describe(`uplink: ${name}`, () => {
    let world: UplinkUnderTest;
    let seen: IngestMessage[];
    let answers: string[];
    let links: boolean[];
    let failing: boolean;

    beforeEach(async () => {
      seen = [];
      answers = [];
      links = [];
      failing = false;
      const ingest: Ingest = async (messages) => {
        seen.push(...messages.map((message) => ({ ...message, payload: message.payload.slice() })));
        if (failing) return { answers: [], failed: [...messages.keys()] };
        return {
          answers: messages.map(({ client, payload }) => ({
            client,

            payload: Buffer.from(`got ${text(payload)}`),
          })),
          failed: [],
        };
      };
      world = await create(ingest, 'press-001');
      world.uplink.onAnswer((payload) => answers.push(text(payload)));
      world.uplink.onLink((connected) => links.push(connected));
      await until('link up', () => links.includes(true));
    });
    afterEach(() => world.dispose());

    test('what is sent reaches ingest under the proven name, and its answer comes back', async () => {
      await world.uplink.send('bulk', Buffer.from('a'));
      await world.uplink.send('critical', Buffer.from('b'));
      await until('two answers', () => answers.length === 2);
      expect(seen.map(({ client, payload }) => [client, text(payload)])).toEqual([
        ['press-001', 'a'],
        ['press-001', 'b'],
      ]);
      expect(answers).toEqual(['got a', 'got b']);
    });

    test('bytes arrive as they are, none to the largest envelope', async () => {
      const payloads = [new Uint8Array(0), Uint8Array.from({ length: 128 * 1024 }, (_, index) => (index * 31) % 256)];
      for (const payload of payloads) await world.uplink.send('bulk', payload);
      expect(Buffer.compare(seen[0]!.payload, payloads[0]!)).toBe(0);
      expect(Buffer.compare(seen[1]!.payload, payloads[1]!)).toBe(0);
    });

    test('a message that the store could not take is sent all the same: only an answer says more', async () => {
      failing = true;
      await world.uplink.send('bulk', Buffer.from('x'));
      expect(seen).toHaveLength(1);
      expect(answers).toEqual([]);
    });

    test('link events: up once, down when cut, up again, and it works again', async () => {
      await world.cut();
      await until('link down', () => links.length === 2);
      await world.restore();
      await until('link up again', () => links.length === 3);
      expect(links).toEqual([true, false, true]);
      await world.uplink.send('bulk', Buffer.from('again'));
      await until('answer', () => answers.length === 1);
      expect(seen).toHaveLength(1);
    });

    test('sending while down rejects, and nothing is sent later behind the back', async () => {
      await world.cut();
      await until('link down', () => links.length === 2);
      await expect(world.uplink.send('bulk', Buffer.from('lost'))).rejects.toThrow(/not connected/);
      await world.restore();
      await until('link up again', () => links.length === 3);
      await world.uplink.send('bulk', Buffer.from('marker'));
      expect(seen.map(({ payload }) => text(payload))).toEqual(['marker']);
    });

    test('not wanted: there is no connection, whatever comes, until it is wanted again', async () => {
      world.uplink.wanted(false);
      world.uplink.wanted(false);
      await until('let go', () => links.length === 2);
      await expect(world.uplink.send('bulk', Buffer.from('x'))).rejects.toThrow(/not connected/);
      await world.cut();
      await world.restore();
      world.uplink.wanted(true);
      world.uplink.wanted(false);
      world.uplink.wanted(true);
      await until('up again', () => links.at(-1) === true);
      await world.uplink.send('bulk', Buffer.from('again'));
      await until('answer', () => answers.length === 1);
      expect(answers).toEqual(['got again']);
      await world.uplink.close();
      world.uplink.wanted(true);
      await expect(world.uplink.send('bulk', Buffer.from('x'))).rejects.toThrow(/not connected/);
    });

    test('after close: sending rejects, nothing is reported, closing twice is fine', async () => {
      await Promise.all([world.uplink.close(), world.uplink.close()]);
      await world.uplink.close();
      await expect(world.uplink.send('bulk', Buffer.from('x'))).rejects.toThrow(/not connected/);
      await world.cut();
      expect(links).toEqual([true]);
      expect(seen).toEqual([]);
    });
  });
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
