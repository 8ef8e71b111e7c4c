import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from '@jest/globals';
import { landingKey, partialKeyOf } from '../../core/cold-layout.ts';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import { envelopeOf } from '../helpers/envelopes.ts';
import { eventually } from '../helpers/processes.ts';
import { batchesOf, batchStateOf, stagedOf, sweepListing, sweepStaged } from './helpers/batches.ts';
import { readCalls } from './helpers/calls.ts';
import { injectFault } from './helpers/faults.ts';
import { INGEST_FUNCTIONS, openFeed } from './helpers/feed.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { isThere, laneOf, sendAndLand } from './helpers/landed.ts';
import { digestObject } from './helpers/objects.ts';
import { openNodes } from './helpers/open-nodes.ts';
import { DAY, expectStoredOnce, landedPositions } from './helpers/stored-once.ts';

/** What processes left that ended between two calls, and what the sweep makes of it. */
const fleet = openFleetCloud();
const { cloud, clients, bucket, output } = fleet;
const bulk = output('Ingest', INGEST_FUNCTIONS.bulk);

const { join, closing } = openNodes(fleet);
// The emulator knows a table only once it has objects.
beforeAll(async () => void (await sendAndLand(fleet, await join('derived-020'))));
const payloadOf = (node: string): Uint8Array => encodeEnvelope(envelopeOf(0, 10, { node }));
const digestOf = (key: string) => digestObject(clients, bucket, key);

test('the sweep queues landed objects again that have no summary', async () => {
  const { landed, partial } = await sendAndLand(fleet, await join('derived-013'));
  const made = await digestOf(partial);
  await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: partial }));
  // Its listings: of staging, of the first day, of that day, of the day's summaries.
  expect(await sweepListing(fleet, [landed], 4)).toMatchObject({ queued: 1, complete: true });
  await eventually('the summaries', () => isThere(fleet, partial));
  expect(await digestOf(partial)).toBe(made);
});

test.each([
  { when: 'after', operation: 'TransactWriteItems', name: 'derived-014', visible: 0, queued: 0 },
  { when: 'after', operation: 'CopyObject', name: 'derived-015', visible: 10, queued: 0 },
  { when: 'after', operation: 'UpdateItem', name: 'derived-016', visible: 10, queued: 1 },
  { when: 'before', operation: 'DeleteObjects', name: 'derived-017', visible: 10, queued: 1 },
] as const)('the sweep brings to its end what a process left $when $operation', async (left) => {
  const node = await join(left.name);
  const feed = await openFeed(fleet, 'bulk', 600);
  const match = { operation: left.operation, event: node.name };
  const dies = injectFault(cloud, bulk, match, { type: 'exit', when: left.when });
  await feed.send(node.name, payloadOf(node.name));
  await eventually('the process to end', () => dies.used() === 1);
  await feed.close(); // nobody will hand it out again
  const batches = await batchesOf(fleet, laneOf(node.name));
  expect(batches).toHaveLength(1);
  expect(await stagedOf(fleet, batches)).toHaveLength(1);
  expect(await landedPositions(fleet, node.name, 2)).toHaveLength(left.visible);

  expect(await sweepStaged(fleet, batches)).toMatchObject({
    batches: { landed: 1, released: 0, unknown: 0, failed: 0 },
    complete: true,
  });
  await expectStoredOnce(fleet, node.name, 2, 10);
  expect(await stagedOf(fleet, batches)).toEqual([]);
  expect(await batchStateOf(fleet, batches[0]!)).toBe('landed');
  expect(node.answers()).toEqual([]);
  // Who died after the mark and before it announced the object leaves that to the sweep as well.
  const landed = landingKey(batches[0]!, DAY);
  if (left.queued > 0) expect(await sweepListing(fleet, [landed], 4)).toMatchObject({ queued: left.queued });
  await eventually('its summaries', () => isThere(fleet, partialKeyOf(landed)!));

  await node.sendEnvelope(0, 10);
  await node.hearsStored(2, 0, 10);
  await expectStoredOnce(fleet, node.name, 2, 10);
});

test('the sweep leaves alone what no transaction knows: the lifecycle removes it', async () => {
  const node = await join('derived-018');
  const feed = await openFeed(fleet, 'bulk', 1);
  closing.push(feed.close);
  const dies = injectFault(
    cloud,
    bulk,
    { operation: 'TransactWriteItems', event: node.name },
    { type: 'exit', when: 'before' },
  );
  await feed.send(node.name, payloadOf(node.name));
  await node.hearsStored(2, 0, 10);
  await feed.drained();
  expect(dies.used()).toBe(1);
  const staged = readCalls(cloud, bulk, node.name)[0]!
    .calls.filter(({ operation }) => operation === 'PutObject')
    .map(({ path }) => /staging\/([^/]+)\//.exec(decodeURIComponent(path))![1]!);
  expect(await stagedOf(fleet, staged)).toHaveLength(1);
  expect(await sweepStaged(fleet, staged)).toMatchObject({
    batches: { landed: 0, released: 0, unknown: 1, failed: 0 },
  });
  const left = await stagedOf(fleet, staged);
  expect(left).toHaveLength(1);
  await expectStoredOnce(fleet, node.name, 2, 10);
  await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: left[0]! }));
});
