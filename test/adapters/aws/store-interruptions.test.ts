import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMemoryAudit } from '../../../adapters/memory/logger.ts';
import { COLD_PREFIXES } from '../../../core/cold-layout.ts';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { type AnswerItem, decodeAnswer } from '../../../core/messages.ts';
import type { IngestMessage } from '../../../lambdas/ingest/env.ts';
import { createIngest } from '../../../lambdas/ingest/handler.ts';
import { byteCodec } from '../../helpers/byte-codec.ts';
import {
  type CloudData,
  cloudStoreOn,
  countedRecords,
  emptyCloud,
  indexedPositions,
  landedRows,
} from '../../helpers/cloud-store.ts';
import { EPOCH_B, envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
import { type CallHooks, type CloudCall, never, throughHooks } from '../../helpers/faulty-cloud.ts';
import { silentLogger } from '../../helpers/silent-logger.ts';

/** A function that handles one batch on this data, each of its calls through the hooks. */
function functionOn(data: CloudData, hooks: CallHooks = {}) {
  const ingest = createIngest({
    store: cloudStoreOn(data, throughHooks(data, hooks)),
    codec: byteCodec,
    nowMs: () => START_MS,
    logger: silentLogger,
    audit: createMemoryAudit(),
    mayCarry: (client, node) => client === node,
  });
  return async (messages: readonly IngestMessage[]): Promise<{ stored: AnswerItem[]; failed: number }> => {
    const { answers, failed } = await ingest(messages);
    const items = answers.flatMap(({ payload }) => {
      const decoded = decodeAnswer(payload);
      if (!decoded.ok) throw new Error(decoded.detail);
      return decoded.value.items;
    });
    return { stored: items.filter(({ type }) => type === 'stored'), failed: failed.length };
  };
}

const DAY_MS = 86_400_000;
const twoDays = [0, 1, 2, 3].map((at) => recordAt(at, { ts: START_MS + (at % 2) * DAY_MS }));
const message = (from: number, to: number, sketch: Parameters<typeof envelopeOf>[2] = {}): IngestMessage => ({
  client: 'node-a',
  payload: encodeEnvelope(envelopeOf(from, to, sketch)),
});
const BATCH = [message(0, 4, { records: twoDays }), message(4, 7), message(0, 3, { epoch: EPOCH_B })];
const RECORDS = 10;

/** Every record is visible once, index and counters say the same, and nothing waits to land. */
async function expectStoredOnce(data: CloudData): Promise<void> {
  const rows = await landedRows(data);
  const identities = rows.map(({ epoch, lane, position }) => `${epoch}/${lane}/${position}`);
  expect(new Set(identities).size).toBe(identities.length);
  expect(rows).toHaveLength(RECORDS);
  expect(indexedPositions(data).stored).toBe(RECORDS);
  expect(countedRecords(data)).toBe(RECORDS);
  expect(data.table.items().filter(({ state }) => state === 'staged')).toEqual([]);
}

async function callsOf(messages: readonly IngestMessage[]): Promise<CloudCall[]> {
  const calls: CloudCall[] = [];
  const hooks: CallHooks = { before: (call) => void calls.push(call) };
  await functionOn(emptyCloud(), hooks)(messages);
  return calls;
}
const calls = await callsOf(BATCH);

test('the trace of an undisturbed batch has every kind of call', () => {
  expect(new Set(calls.map(({ name }) => name))).toEqual(
    new Set(['getItems', 'count', 'put', 'transact', 'copy', 'write', 'delete']),
  );
});

describe.each(calls)('the process exits at call $at, $name', ({ at }) => {
  test.each(['before', 'after'] as const)('%s it: the message comes again, each record shows once', async (when) => {
    const data = emptyCloud();
    let reached: () => void = () => undefined;
    const died = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const hook = (call: CloudCall) => {
      if (call.at < at) return undefined;
      reached();
      return never;
    };
    void functionOn(data, { [when]: hook })(BATCH);
    await died;
    // Cut anew by the queue: first one message alone, then all of them.
    const second = functionOn(data);
    expect((await second(BATCH.slice(1, 2))).failed).toBe(0);
    const { stored, failed } = await second(BATCH);
    expect(failed).toBe(0);
    expect(stored.length).toBeGreaterThan(0);
    await expectStoredOnce(data);
  });

  test('it fails once: the batch is tried again or comes again, each record shows once', async () => {
    const data = emptyCloud();
    const hook = (call: CloudCall) => {
      if (call.at === at) throw new Error('service unavailable');
    };
    for (const when of ['before', 'after'] as const) await functionOn(data, { [when]: hook })(BATCH);
    expect((await functionOn(data)(BATCH)).failed).toBe(0);
    await expectStoredOnce(data);
  });
});

test('nothing is acknowledged before it is visible', async () => {
  for (const { at } of calls) {
    const data = emptyCloud();
    const hook = (call: CloudCall) => {
      if (call.at >= at) throw new Error('service unavailable');
    };
    const { stored } = await functionOn(data, { before: hook })(BATCH);
    if (stored.length > 0) await expectStoredOnce(data);
  }
});

test('functions that handle the same messages at once, calls in any order: each record shows once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, functions) => {
      const data = emptyCloud();
      const ingests = Array.from({ length: functions }, (_, index) =>
        functionOn(data, {
          before: (call) => scheduler.schedule(Promise.resolve(), `${index} ${call.name}`),
          after: (call) => scheduler.schedule(Promise.resolve(), `${index} ${call.name} done`),
        })(index % 2 === 0 ? BATCH : [...BATCH].reverse().slice(0, 2)),
      );
      await scheduler.waitFor(Promise.all(ingests));
      expect((await functionOn(data)(BATCH)).failed).toBe(0);
      await expectStoredOnce(data);
      expect(data.objects.keys(COLD_PREFIXES.staging)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
