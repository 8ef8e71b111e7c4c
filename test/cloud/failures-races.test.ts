import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from '@jest/globals';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import { envelopeOf } from '../helpers/envelopes.ts';
import { eventually } from '../helpers/processes.ts';
import { batchesOf, batchStateOf, stagedOf } from './helpers/batches.ts';
import { readCalls } from './helpers/calls.ts';
import { deliveriesOf } from './helpers/deliveries.ts';
import { injectFault } from './helpers/faults.ts';
import { INGEST_FUNCTIONS, openFeed } from './helpers/feed.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { invokeFunction } from './helpers/functions.ts';
import { laneOf } from './helpers/landed.ts';
import { openNodes } from './helpers/open-nodes.ts';
import { expectStoredOnce, landedPositions, readNodeIndex } from './helpers/stored-once.ts';

/** Two processes on one batch, and a batch whose objects are lost between two calls. */
const fleet = openFleetCloud();
const { cloud, clients, bucket, output } = fleet;
const bulk = output('Ingest', INGEST_FUNCTIONS.bulk);

const { join, closing } = openNodes(fleet);
// The emulator knows a table only once it has objects.
beforeAll(async () => {
  const node = await join('races-020');
  await node.sendEnvelope(0, 1);
  await node.hearsStored(2, 0, 1);
});

test.each([
  { what: 'before the transaction', operation: 'TransactWriteItems', name: 'races-001' },
  { what: 'before the copy', operation: 'CopyObject', name: 'races-002' },
  { what: 'before the mark that it landed', operation: 'UpdateItem', name: 'races-003' },
  { what: 'before it deletes what was staged', operation: 'DeleteObjects', name: 'races-004' },
])('one stands still $what, another one handles the same batch', async ({ operation, name }) => {
  const node = await join(name);
  const feed = await openFeed(fleet, 'bulk', 60);
  closing.push(feed.close);
  const held = injectFault(cloud, bulk, { operation, event: name }, { type: 'hold' });
  await feed.send(name, encodeEnvelope(envelopeOf(0, 10, { node: name })));
  await eventually('the first to stand still', () => held.used() === 1);
  const [first] = readCalls(cloud, bulk, name);

  expect(await invokeFunction(cloud, bulk, first!.event)).toEqual({
    failed: false,
    result: { batchItemFailures: [] },
  });
  await node.hearsStored(2, 0, 10);
  // Not much may be done until here: the first asks again by itself where a call takes five seconds.
  expect(readCalls(cloud, bulk, name)[0]).toMatchObject({ invocation: first!.invocation, ended: false });
  const heard = node.answers().length;
  held.lift();
  await feed.drained();
  const end = readCalls(cloud, bulk, name)[0]!;
  expect(end).toMatchObject({ invocation: first!.invocation, ended: true, failed: false });
  expect(end.calls.find((call) => call.fault === 'hold')?.operation).toBe(operation);
  await eventually('the answer of the first', () => node.answers().length > heard);
  await expectStoredOnce(fleet, name, 2, 10);
  const batches = await batchesOf(fleet, laneOf(name));
  expect(await Promise.all(batches.map((batch) => batchStateOf(fleet, batch)))).toEqual(['landed']);
  expect(await stagedOf(fleet, batches)).toEqual([]);
});

test('three at once on two envelopes of one lane: each record once', async () => {
  const node = await join('races-005');
  const feed = await openFeed(fleet, 'bulk', 60);
  closing.push(feed.close);
  await Promise.all(
    [
      [0, 10],
      [10, 20],
      [20, 30],
    ].map(([from, to]) => feed.send(node.name, encodeEnvelope(envelopeOf(from!, to!, { node: node.name })))),
  );
  await node.hearsStored(2, 0, 30);
  const events = readCalls(cloud, bulk, node.name).map(({ event }) => event);
  const again = [...events, ...events, ...events].map((event) => invokeFunction(cloud, bulk, event));
  expect(new Set((await Promise.all(again)).map((result) => JSON.stringify(result)))).toEqual(
    new Set([JSON.stringify({ failed: false, result: { batchItemFailures: [] } })]),
  );
  await feed.drained();
  await expectStoredOnce(fleet, node.name, 2, 30);
});

test('staged objects that are lost before they land: their ranges become free, and the message is stored again', async () => {
  const node = await join('races-006');
  const feed = await openFeed(fleet, 'bulk', 5);
  closing.push(feed.close);
  const dies = injectFault(
    cloud,
    bulk,
    { operation: 'TransactWriteItems', event: node.name },
    { type: 'exit', when: 'after' },
  );
  await feed.send(node.name, encodeEnvelope(envelopeOf(0, 10, { node: node.name })));
  const lost = await eventually('a batch that is staged', async () => {
    const [batch] = dies.used() === 1 ? await batchesOf(fleet, laneOf(node.name)) : [];
    return batch;
  });
  const staged = await stagedOf(fleet, [lost]);
  expect(staged).toHaveLength(1);
  await clients.s3.send(
    new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: staged.map((Key) => ({ Key })) } }),
  );
  // The index says stored, and nothing can be found: nobody may be told so.
  expect((await readNodeIndex(fleet, node.name))?.counts.normal).toBe(10);
  expect(await landedPositions(fleet, node.name, 2)).toEqual([]);
  expect(node.answers()).toEqual([]);
  expect(await batchStateOf(fleet, lost)).toBe('staged');

  await node.hearsStored(2, 0, 10);
  await feed.drained();
  await expectStoredOnce(fleet, node.name, 2, 10);
  expect(await batchStateOf(fleet, lost)).toBe('released');
  expect(await batchesOf(fleet, laneOf(node.name))).not.toContain(lost);
  expect(deliveriesOf(fleet, bulk, node.name).map(({ receives }) => receives)).toEqual([1, 2]);
});
