import { afterEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { type BatcherLimits, createBatcher } from '../../../adapters/mqtt/batcher.ts';
import type { Uplink } from '../../../core/ports.ts';
import type { IngestMessage } from '../../../lambdas/ingest/env.ts';
import { createHubRig, type HubRig, until } from '../../helpers/hub-rig.ts';

let rig: HubRig;
afterEach(() => rig?.dispose());

async function connected(node: string): Promise<Uplink> {
  const uplink = await rig.uplink(node);
  await new Promise<void>((resolve) => uplink.onLink((up) => up && resolve()));
  return uplink;
}

test('a node that sends more than its rate is read slower: nothing is lost, the others do not notice', async () => {
  const seen: string[] = [];
  rig = await createHubRig({
    nodes: ['greedy', 'modest'],
    readLimits: { messagesPerSecond: 1_000_000, bytesPerSecond: 1_000_000 },
    ingest: async (messages) => {
      seen.push(...messages.map(({ client }) => client));
      return { answers: [], failed: [] };
    },
  });
  const [greedy, modest] = [await connected('greedy'), await connected('modest')];
  const begun = performance.now();
  // A second's worth passes at once, so three seconds' worth takes two.
  const flood = Array.from({ length: 30 }, () => greedy.send('bulk', new Uint8Array(100_000)));
  await Promise.race(flood);
  for (let index = 0; index < 5; index++) await modest.send('bulk', new Uint8Array(100));
  await Promise.all(flood);
  expect(performance.now() - begun).toBeGreaterThan(1_900);
  // All of them while the flood was still on its way.
  expect(seen.lastIndexOf('modest')).toBeLessThan(seen.lastIndexOf('greedy'));
  const { clients } = rig.broker().status();
  expect(clients.greedy).toMatchObject({
    messages: 30,
    bytesIn: 3_000_000,
    notNow: 0,
    connected: true,
    connections: 1,
  });
  expect(clients.greedy!.heldBackMs).toBeGreaterThan(0);
  expect(clients.modest).toMatchObject({ messages: 5, heldBackMs: 0, connections: 1 });
  const told = rig.logger.lines.filter(({ message }) => message === 'node sends more than its rate, read slower');
  expect(told.map(({ fields }) => fields)).toEqual([expect.objectContaining({ node: 'greedy' })]);
});

test('messages a second are limited too, however small they are; closing while held back leaves nothing behind', async () => {
  rig = await createHubRig({ nodes: ['greedy'], readLimits: { messagesPerSecond: 200, bytesPerSecond: 1e9 } });
  const greedy = await connected('greedy');
  const begun = performance.now();
  const flood = Array.from({ length: 400 }, () => greedy.send('bulk', new Uint8Array(1)));
  await Promise.all(flood);
  await greedy.send('bulk', new Uint8Array(1)); // what came in one piece passed together; this pays for it
  expect(performance.now() - begun).toBeGreaterThan(900);
  const more = Array.from({ length: 1_000 }, () => greedy.send('bulk', new Uint8Array(1)).catch(() => 'lost'));
  await until('held back', () => rig.broker().status().clients.greedy!.heldBackMs > 1_000);
  await greedy.close();
  expect((await Promise.all(more)).filter((one) => one === 'lost').length).toBeGreaterThan(0);
  await until('gone', () => !rig.broker().status().clients.greedy!.connected);
});

test('batches: who comes to a queue of another is in the next batch, not behind all that waits', async () => {
  const batches: string[][] = [];
  let release = (): void => {};
  const limits: BatcherLimits = { maxMessages: 10, maxBytes: 1e6, maxMs: 100, maxWaitingBytes: 1e7 };
  const batcher = createBatcher(
    {
      ingest: async (messages: readonly IngestMessage[]) => {
        batches.push(messages.map(({ client }) => client));
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return { answers: [], failed: [] };
      },
      answer: () => {},
      logger: createMemoryLogger(),
      clock: createManualClock(),
    },
    limits,
  );
  const offer = (client: string, bytes: number) =>
    batcher.offer('bulk', { client, payload: new Uint8Array(bytes) }, () => {});
  for (let index = 0; index < 1_000; index++) offer('greedy', 2_000);
  await until('the first batch', () => batches.length === 1);
  for (let index = 0; index < 4; index++) offer('modest', 2_000);
  for (const count of [2, 3]) {
    release();
    await until('the next batch', () => batches.length === count);
  }
  expect([...batches[1]!, ...batches[2]!].filter((client) => client === 'modest')).toHaveLength(4);
  void batcher.close();
  release();
});
