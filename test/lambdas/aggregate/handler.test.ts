import { expect, test } from '@jest/globals';
import type { SQSEvent } from 'aws-lambda';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createMemoryObjectStore } from '../../../adapters/memory/object-store.ts';
import { decodeRows, encodeRows } from '../../../adapters/parquet/landing-rows.ts';
import { decodePartials, encodePartials } from '../../../adapters/parquet/partial-rows.ts';
import { landingKey } from '../../../core/cold-layout.ts';
import { rowsOf } from '../../../core/stored-row.ts';
import { createHandler } from '../../../lambdas/aggregate/handler.ts';
import { landedMessage } from '../../../lambdas/landed-message.ts';
import { envelopeOf, positions, START_MS } from '../../helpers/envelopes.ts';

const KEY = landingKey('batch-1', '2025-01-01');
const PARTIAL = 'partials/dt=2025-01-01/batch-1.parquet';

const rowsFor = (from: number, to: number) => {
  const envelope = envelopeOf(from, to);
  return rowsOf({ ...envelope, positions: positions([{ from, to }]) }, START_MS);
};

async function setUp() {
  const objects = createMemoryObjectStore(() => 0);
  await objects.put(KEY, encodeRows(rowsFor(0, 300)));
  const logger = createMemoryLogger();
  const handle = createHandler({ objects, decodeRows, encodePartials, logger });
  const run = async (...bodies: string[]) => {
    const Records = bodies.map((body, at) => ({ body, messageId: `m-${at}` })) as SQSEvent['Records'];
    return (await handle({ Records })).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { objects, logger, run };
}

test('a landed object becomes one object of summaries a stream and minute', async () => {
  const { objects, run } = await setUp();
  expect(await run(landedMessage([KEY]))).toEqual([]);
  const summaries = await decodePartials((await objects.get(PARTIAL))!);
  expect(summaries).toHaveLength(15); // 3 devices, 300 s
  expect(summaries.reduce((sum, { count }) => sum + count, 0)).toBe(300);
  expect(summaries[0]).toMatchObject({ device: 'press-000', minute: START_MS, count: 20, min: 0, max: 5.7 });
});

test('a replay changes nothing, to the byte', async () => {
  const { objects, run } = await setUp();
  await run(landedMessage([KEY]));
  const first = await objects.get(PARTIAL);
  await run(landedMessage([KEY, KEY]), landedMessage([KEY]));
  expect(await objects.get(PARTIAL)).toEqual(first);
  expect(objects.keys()).toEqual([KEY, PARTIAL]);
});

test('an object that is gone is dropped, the others of its message are not', async () => {
  const { objects, logger, run } = await setUp();
  expect(await run(landedMessage([landingKey('gone', '2025-01-01'), KEY]))).toEqual([]);
  expect(objects.keys('partials/')).toEqual([PARTIAL]);
  expect(logger.lines).toMatchObject([{ level: 'warn', message: 'landed object is gone; nothing to summarise' }, {}]);
});

test('damaged objects, foreign keys and other bodies fail alone', async () => {
  const { objects, run } = await setUp();
  const damaged = landingKey('damaged', '2025-01-01');
  await objects.put(damaged, encodeRows(rowsFor(0, 9)).subarray(5));
  const failed = await run(
    landedMessage([damaged]),
    landedMessage(['staging/batch-1/dt=2025-01-01.parquet']),
    'no JSON',
    '{"keys":"landing/"}',
    landedMessage([KEY]),
  );
  expect(failed).toEqual(['m-0', 'm-1', 'm-2', 'm-3']);
  expect(objects.keys('partials/')).toEqual([PARTIAL]);
});

test('a bucket in trouble brings the message back', async () => {
  const { objects, logger } = await setUp();
  const broken = { ...objects, put: () => Promise.reject(new Error('refused')) };
  const handle = createHandler({ objects: broken, decodeRows, encodePartials, logger });
  const Records = [{ body: landedMessage([KEY]), messageId: 'm-1' }] as SQSEvent['Records'];
  expect((await handle({ Records })).batchItemFailures).toEqual([{ itemIdentifier: 'm-1' }]);
});
