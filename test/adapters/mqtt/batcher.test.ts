import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { type BatcherLimits, createBatcher, type MessageFate } from '../../../adapters/mqtt/batcher.ts';
import type { TrafficClass } from '../../../core/flow.ts';
import type { IngestMessage, IngestResult } from '../../../lambdas/ingest/env.ts';

const WIDE: BatcherLimits = { maxMessages: 1_000, maxBytes: 1e6, maxMs: 100, maxWaitingBytes: 1e7 };

/** An ingest whose batches finish when told, and everything that happens, in order. */
function createRig(limits?: BatcherLimits) {
  const events: string[] = [];
  const batches: string[][] = [];
  const waiting: { resolve: (result: IngestResult) => void; reject: (error: Error) => void }[] = [];
  const logger = createMemoryLogger();
  const clock = createManualClock();
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  const ingest = (messages: readonly IngestMessage[]) => {
    batches.push(messages.map(({ payload }) => text(payload)));
    return new Promise<IngestResult>((resolve, reject) => waiting.push({ resolve, reject }));
  };
  const answer = (client: string, payload: Uint8Array) => events.push(`answer ${client} ${text(payload)}`);
  const batcher = createBatcher({ ingest, answer, logger, clock }, limits);
  const offer = (traffic: TrafficClass, payload: string) =>
    batcher.offer(traffic, { client: 'n-1', payload: Buffer.from(payload) }, (fate: MessageFate) => {
      events.push(`${payload} ${fate}`);
    });
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const finish = async (result: Partial<IngestResult> = {}) => {
    waiting.shift()!.resolve({ answers: [], failed: [], ...result });
    await turn();
  };
  return { batcher, batches, clock, events, logger, offer, turn, finish, waiting };
}

describe('batcher', () => {
  test('one batch in flight; what comes meanwhile makes the next, critical before it', async () => {
    const { batches, offer, turn, finish } = createRig();
    offer('bulk', 'a');
    await turn();
    for (const payload of ['b', 'c']) offer('bulk', payload);
    offer('critical', 'X');
    await turn();
    expect(batches).toEqual([['a']]);
    await finish();
    expect(batches).toEqual([['a'], ['X']]);
    await finish();
    expect(batches).toEqual([['a'], ['X'], ['b', 'c']]);
    await finish();
    offer('bulk', 'd');
    await turn();
    expect(batches).toEqual([['a'], ['X'], ['b', 'c'], ['d']]);
  });

  test('a stream of critical messages does not keep the others out', async () => {
    const { batches, offer, turn, finish } = createRig({ ...WIDE, maxMessages: 4 });
    for (let index = 0; index < 100; index++) offer('critical', 'X');
    offer('bulk', 'a');
    offer('bulk', 'b');
    offer('bulk', 'c');
    await turn();
    for (let left = 3; left > 0; left--) await finish();
    expect(batches).toEqual([
      ['X', 'X', 'X', 'X'],
      ['X', 'X', 'a', 'b'],
      ['X', 'X', 'X', 'X'],
      ['X', 'X', 'c'],
    ]);
  });

  test('a batch holds no more bulk than the store takes in the time that a critical message may wait', async () => {
    const { batches, clock, offer, turn, finish } = createRig({ ...WIDE, maxMs: 100 });
    const payload = 'x'.repeat(2_000);
    for (let index = 0; index < 500; index++) offer('bulk', payload);
    await turn();
    const finishAfter = async (msAMessage: number): Promise<number> => {
      const { length } = batches.at(-1)!;
      clock.advance(msAMessage * length);
      await finish();
      return length;
    };
    let fast = 0;
    for (let left = 4; left > 0; left--) fast = await finishAfter(1);
    expect(fast).toBeGreaterThan(20);
    await finishAfter(20);
    for (let left = 10; left > 0; left--) expect(await finishAfter(20)).toBeLessThanOrEqual(100 / 20);
    for (let left = 4; left > 0; left--) await finishAfter(1);
    expect(batches.at(-1)!.length).toBeGreaterThan(20);
  });

  test('answers go out before messages are settled, and nothing is settled before ingest has', async () => {
    const { events, offer, turn, finish } = createRig();
    offer('bulk', 'a');
    offer('bulk', 'b');
    await turn();
    expect(events).toEqual([]);
    await finish({ answers: [{ client: 'n-1', payload: Buffer.from('ok') }], failed: [1] });
    expect(events).toEqual(['answer n-1 ok', 'a ingested', 'b not-now']);
  });

  test('bounds: messages and bytes of a batch, one message always goes', async () => {
    const { batches, offer, turn, finish } = createRig({ ...WIDE, maxMessages: 3, maxBytes: 10 });
    for (const payload of ['a', 'b', 'c', 'd', '123456', '7890', 'x'.repeat(50), 'e']) offer('bulk', payload);
    await turn();
    for (let left = 5; left > 0; left--) await finish();
    expect(batches).toEqual([['a', 'b', 'c'], ['d', '123456'], ['7890'], ['x'.repeat(50)], ['e']]);
  });

  test('too much waiting: bulk is not taken now, critical still is, up to its reserve', async () => {
    const { events, offer, turn } = createRig({ ...WIDE, maxMessages: 1, maxBytes: 1, maxWaitingBytes: 10 });
    offer('bulk', '0123456789');
    offer('bulk', 'b');
    offer('critical', 'CCCCC');
    offer('critical', 'D');
    await turn();
    expect(events).toEqual(['b not-now', 'D not-now']);
  });

  test('an ingest that rejects against its contract: not now, and logged', async () => {
    const { events, logger, offer, turn, waiting, batches } = createRig();
    offer('bulk', 'a');
    await turn();
    waiting.shift()!.reject(new Error('bug'));
    await turn();
    expect(events).toEqual(['a not-now']);
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { messages: 1 } }]);
    offer('bulk', 'b');
    await turn();
    expect(batches).toEqual([['a'], ['b']]);
  });

  test('close waits for the batch in flight and forgets the rest', async () => {
    const { batcher, batches, events, offer, turn, finish } = createRig();
    offer('bulk', 'a');
    await turn();
    offer('bulk', 'b');
    let closed = false;
    const closing = batcher.close().then(() => {
      closed = true;
    });
    await turn();
    expect(closed).toBe(false);
    await finish();
    await closing;
    offer('bulk', 'c');
    await turn();
    expect(batches).toEqual([['a']]);
    expect(events).toEqual(['a ingested']);
  });

  test('law: every message is in exactly one batch, in order within its class, within the bounds', async () => {
    const message = fc.record({
      traffic: fc.constantFrom<TrafficClass>('critical', 'bulk'),
      size: fc.integer({ min: 4, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 40 }), async (messages) => {
        const { batches, offer, turn, finish, waiting } = createRig({ ...WIDE, maxMessages: 5, maxBytes: 40 });
        const names = messages.map(({ traffic, size }, index) => ({ traffic, name: `${index}`.padStart(size, '.') }));
        for (const { traffic, name } of names) offer(traffic, name);
        await turn();
        while (waiting.length > 0) await finish();
        const sent = batches.flat();
        const of = (wanted: TrafficClass) => names.filter(({ traffic }) => traffic === wanted).map(({ name }) => name);
        for (const traffic of ['critical', 'bulk'] as const) {
          const expected = of(traffic);
          expect(sent.filter((name) => expected.includes(name))).toEqual(expected);
        }
        expect(sent).toHaveLength(names.length);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(5);
          expect(batch.join('').length).toBeLessThanOrEqual(40);
        }
      }),
      { numRuns: 50 },
    );
  });
});
