import { beforeAll, expect, test } from '@jest/globals';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import type { AnswerItem } from '../../core/messages.ts';
import { envelopeOf } from '../helpers/envelopes.ts';
import { eventually } from '../helpers/processes.ts';
import { asideOf } from './helpers/aside.ts';
import { batchesOf, sweepStaged } from './helpers/batches.ts';
import { deliveriesOf } from './helpers/deliveries.ts';
import { injectFault } from './helpers/faults.ts';
import { INGEST_FUNCTIONS, openFeed } from './helpers/feed.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { laneOf } from './helpers/landed.ts';
import { openNodes } from './helpers/open-nodes.ts';
import { expectStoredOnce, landedPositions, readNodeIndex } from './helpers/stored-once.ts';

/** Messages that can never be taken: kept with their reason, refused by name, and nobody else is held up. */
const fleet = openFleetCloud();
const { cloud, output } = fleet;
const bulk = output('Ingest', INGEST_FUNCTIONS.bulk);

const { join, closing } = openNodes(fleet);
// The emulator knows a table only once it has objects.
beforeAll(async () => {
  const node = await join('poison-020');
  await node.sendEnvelope(0, 1);
  await node.hearsStored(2, 0, 1);
});
const refusedAs = (reason: string, from: number) => (item: AnswerItem) =>
  item.type === 'refused' && item.reason === reason && item.from === from;

test.each([
  { traffic: 'bulk', lane: 2, sender: 'poison-001', victim: 'poison-002' },
  { traffic: 'critical', lane: 0, sender: 'poison-003', victim: 'poison-004' },
] as const)(
  'of $traffic messages those that can never be taken are refused by name, the others stored',
  async ({ traffic, lane, sender, victim }) => {
    const [node, other] = [await join(sender), await join(victim)];
    const damaged = encodeEnvelope(envelopeOf(0, 10, { node: node.name, lane }));
    damaged[damaged.length - 1]! ^= 0xff;
    const notAllowed = encodeEnvelope(envelopeOf(40, 50, { node: other.name, lane }));
    await Promise.all([
      node.send(traffic, damaged),
      node.send(traffic, Buffer.from('neither envelope nor question')),
      node.send(traffic, notAllowed),
      node.sendEnvelope(20, 30, { lane }),
    ]);
    await node.hearsItem('that the damaged one is refused', refusedAs('undecodable', 0));
    await node.hearsItem('that the other node is refused', refusedAs('not-allowed', 40));
    await node.hearsStored(lane, 20, 30);

    const aside = await asideOf(fleet, node.name);
    expect(aside.map(({ reason }) => reason)).toEqual(['not-allowed', 'undecodable', 'undecodable']);
    expect(aside[0]).toMatchObject({
      detail: `client ${node.name} may not carry node ${other.name}`,
      bytes: String(notAllowed.length),
      payload: Buffer.from(notAllowed).toString('base64'),
    });
    expect(aside.map(({ payload }) => payload)).toContain(Buffer.from(damaged).toString('base64'));
    expect(await landedPositions(fleet, node.name, lane)).toEqual(envelopeOf(20, 30).records.map((_, at) => 20 + at));
    expect(await readNodeIndex(fleet, other.name)).toBeUndefined();
    expect(other.answers()).toEqual([]);
  },
);

test('what ends each process that handles it is put aside from its twentieth receive on, and others are stored meanwhile', async () => {
  const [poison, good, late] = [await join('poison-005'), await join('poison-006'), await join('poison-007')];
  const feed = await openFeed(fleet, 'bulk', 2);
  closing.push(feed.close);
  const envelope = envelopeOf(0, 10, { node: poison.name });
  // A batch that stays staged: only who handles this node's message lists what is staged, and that ends the process.
  const first = injectFault(
    cloud,
    bulk,
    { operation: 'TransactWriteItems', event: poison.name },
    { type: 'exit', when: 'after' },
  );
  const deadly = injectFault(
    cloud,
    bulk,
    { operation: 'ListObjectsV2', event: poison.name },
    { type: 'exit', when: 'before' },
    40,
  );
  const receives = () => deliveriesOf(fleet, bulk, poison.name).at(-1)?.receives ?? 0;
  await feed.send(poison.name, encodeEnvelope(envelope));
  await eventually('the first process to end', () => first.used() === 1);

  // Their messages are in one batch with the deadly one, and are dragged along until it is handled alone.
  await feed.send(good.name, encodeEnvelope(envelopeOf(0, 10, { node: good.name })));
  await feed.send(good.name, encodeEnvelope(envelopeOf(10, 20, { node: good.name })));
  await good.hearsStored(2, 0, 20);
  await eventually('attempts alone', () => receives() >= 6 && deadly.used() >= 4, 60_000);
  await feed.pause();
  await feed.receiveUntil(15);
  await feed.resume();
  await eventually('another receive', () => receives() >= 16, 60_000);
  await feed.send(late.name, encodeEnvelope(envelopeOf(0, 10, { node: late.name })));
  await late.hearsStored(2, 0, 10);

  await poison.hearsItem('the refusal', refusedAs('kills-handler', 0));
  expect(receives()).toBeGreaterThanOrEqual(20);
  await feed.drained();
  const [aside, ...more] = await asideOf(fleet, poison.name);
  expect(more).toEqual([]);
  expect(aside).toMatchObject({
    reason: 'kills-handler',
    payload: Buffer.from(encodeEnvelope(envelope)).toString('base64'),
  });
  expect(aside?.detail).toMatch(/attempts in a row ended with their process, received 2\d times/);
  for (const { name, to } of [
    { name: good.name, to: 20 },
    { name: late.name, to: 10 },
  ]) {
    await expectStoredOnce(fleet, name, 2, to);
    expect(await asideOf(fleet, name)).toEqual([]);
  }

  // Its records were in the index already: the sweep brings them to an end, and nothing is lost.
  deadly.lift();
  const [batch] = await batchesOf(fleet, laneOf(poison.name));
  expect(await landedPositions(fleet, poison.name, 2)).toEqual([]);
  expect(await sweepStaged(fleet, [batch!])).toMatchObject({ batches: { landed: 1, failed: 0 } });
  await expectStoredOnce(fleet, poison.name, 2, 10);
});

test('an outage of any length makes no poison', async () => {
  const node = await join('poison-008');
  const feed = await openFeed(fleet, 'bulk', 1);
  closing.push(feed.close);
  const outage = injectFault(cloud, bulk, { operation: 'PutObject', event: node.name }, REFUSED, 1_000);
  const receives = () => deliveriesOf(fleet, bulk, node.name).at(-1)?.receives ?? 0;
  await feed.send(node.name, encodeEnvelope(envelopeOf(0, 10, { node: node.name })));
  // Alone from the fifth on, each attempt with its note.
  await eventually('attempts alone', () => receives() >= 8, 60_000);
  await feed.pause();
  await feed.receiveUntil(19);
  await feed.resume();
  await eventually('more than twenty receives', () => receives() >= 23, 60_000);
  expect(await landedPositions(fleet, node.name, 2)).toEqual([]);
  expect(node.answers()).toEqual([]);
  outage.lift();
  await node.hearsStored(2, 0, 10);
  await feed.drained();
  await expectStoredOnce(fleet, node.name, 2, 10);
  expect(await asideOf(fleet, node.name)).toEqual([]);
});

/** For good, so that the SDK does not ask again: an attempt takes no longer than it must. */
const REFUSED = {
  type: 'answer',
  status: 403,
  headers: { 'content-type': 'application/xml' },
  body: '<Error><Code>AccessDenied</Code><Message>refused by the test</Message></Error>',
} as const;
