import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { encodeEnvelope } from '../../../core/envelope-codec.ts';
import { envelopeOf } from '../../helpers/envelopes.ts';
import { eventually } from '../../helpers/processes.ts';
import { runQuery } from '../helpers/athena.ts';
import { readCalls } from '../helpers/calls.ts';
import { type Fault, type FaultyCall, injectFault, REFUSALS } from '../helpers/faults.ts';
import { type CloudNode, openFleetCloud } from '../helpers/fleet-cloud.ts';
import { invokeFunction } from '../helpers/functions.ts';
import { openNodes } from '../helpers/open-nodes.ts';
import { expectStoredOnce, landedPositions, readNodeIndex } from '../helpers/stored-once.ts';

/** What the account refuses, what nodes send wrongly or twice, and what is handled twice at once. */
const fleet = openFleetCloud();
const { cloud, clients, athena, output } = fleet;
const bulk = output('Ingest', 'BulkFunctionName');
const LANE = 2;

const { joinNext } = openNodes(fleet);
const join = () => joinNext('refusals');
const invocationsOf = (node: CloudNode) => readCalls(cloud, bulk, node.name);
type QueueEvent = { Records: { messageId: string; body: string }[] };
/** Ids of a node's messages that were handled to the end. */
const messagesOf = (node: CloudNode): Set<string> =>
  new Set(
    invocationsOf(node)
      .filter(({ ended }) => ended)
      .flatMap(({ event }) => (event as QueueEvent).Records)
      .filter(({ body }) => body.includes(node.name))
      .map(({ messageId }) => messageId),
  );

// The SDK asks S3 and DynamoDB three times before it gives up; a batch that failed comes back after two seconds.
const invalid: Fault = {
  type: 'answer',
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: JSON.stringify({ __type: 'com.amazon.coral.validate#ValidationException', message: 'refused by the test' }),
};
test.each<{ what: string; match: FaultyCall; fault: Fault; times: number }>([
  {
    what: 'S3 does not take the staged object',
    match: { operation: 'PutObject' },
    fault: REFUSALS.s3Unavailable,
    times: 3,
  },
  { what: 'S3 does not copy it', match: { operation: 'CopyObject' }, fault: REFUSALS.s3Unavailable, times: 3 },
  {
    what: 'S3 does not delete what was staged',
    match: { operation: 'DeleteObjects' },
    fault: REFUSALS.s3Unavailable,
    times: 3,
  },
  { what: 'the index cannot be read', match: { operation: 'BatchGetItem' }, fault: invalid, times: 1 },
  {
    what: 'a transaction conflicts',
    match: { operation: 'TransactWriteItems' },
    fault: REFUSALS.dynamoConflict,
    times: 1,
  },
  {
    what: 'transactions conflict on and on',
    match: { operation: 'TransactWriteItems' },
    fault: REFUSALS.dynamoConflict,
    times: 20,
  },
  { what: 'the landed object cannot be announced', match: { operation: 'SendMessage' }, fault: invalid, times: 1 },
  { what: 'the acknowledgement is refused', match: { service: 'iotdata' }, fault: REFUSALS.iotForbidden, times: 1 },
])('$what: stored once and answered all the same', async ({ match, fault, times }) => {
  const node = await join();
  const injected = injectFault(cloud, bulk, { ...match, event: node.name }, fault, times);
  await node.sendEnvelope(0, 10);
  await eventually('all refusals', () => injected.used() === times, 60_000);
  await node.hearsStored(LANE, 0, 10);
  await expectStoredOnce(fleet, node.name, LANE, 10);
});

test('everything sent again, cut anew and in another order: each record once', async () => {
  const node = await join();
  const cuts = [
    [0, 10],
    [10, 20],
    [20, 30],
  ] as const;
  const again = [[0, 30], ...cuts.toReversed(), [10, 30]] as const;
  await Promise.all(cuts.map(([from, to]) => node.sendEnvelope(from, to)));
  await node.hearsStored(LANE, 0, 30);
  for (const [from, to] of again) await node.sendEnvelope(from, to);
  await eventually('all of them to be handled', () => messagesOf(node).size === cuts.length + again.length);
  expect(node.answers().flatMap(({ items }) => items.filter(({ type }) => type !== 'stored'))).toEqual([]);
  await expectStoredOnce(fleet, node.name, LANE, 30);
});

test('two functions on one batch: one stores it, the other sees that it is stored', async () => {
  const node = await join();
  // The first has read the index and staged its object; then it stands still until the message is handed out again.
  const held = injectFault(cloud, bulk, { operation: 'TransactWriteItems', event: node.name }, { type: 'hold' });
  await node.sendEnvelope(0, 10);
  await eventually('the first to stand still', () => held.used() === 1);
  await node.hearsStored(LANE, 0, 10);
  await expectStoredOnce(fleet, node.name, LANE, 10);
  const [first, second] = invocationsOf(node);
  expect(first).toMatchObject({ ended: false });
  expect(second).toMatchObject({ ended: true });
  held.lift();
  await eventually('the first to come to its end', () => invocationsOf(node)[0]?.ended);
  expect(invocationsOf(node)[0]).toMatchObject({ failed: false });
  await expectStoredOnce(fleet, node.name, LANE, 10);
});

test('one batch handed to three functions at once', async () => {
  const node = await join();
  await node.sendEnvelope(0, 10);
  await node.hearsStored(LANE, 0, 10);
  // The same message for other positions, as it would lie in the queue.
  const payload = encodeEnvelope(envelopeOf(10, 25, { node: node.name }));
  const event = invocationsOf(node)[0]!.event as QueueEvent;
  const record = event.Records.find(({ body }) => body.includes(node.name))!;
  const body = JSON.stringify({ ...JSON.parse(record.body), payload: Buffer.from(payload).toString('base64') });
  const batch = { Records: [{ ...record, body }] };
  const results = await Promise.all([1, 2, 3].map(() => invokeFunction(cloud, bulk, batch)));
  expect(results).toEqual(results.map(() => ({ failed: false, result: { batchItemFailures: [] } })));
  await expectStoredOnce(fleet, node.name, LANE, 25);
});

test('poison is put aside with its reason, where SQL finds it, and holds nobody up', async () => {
  const node = await join();
  const victim = await join();
  const garbled = encodeEnvelope(envelopeOf(0, 10, { node: node.name }));
  garbled.fill(0xff, garbled.length - 20);
  await node.send('bulk', garbled);
  await node.send('bulk', randomBytes(200));
  await node.send('bulk', encodeEnvelope(envelopeOf(0, 10, { node: victim.name })));
  await node.sendEnvelope(20, 30);
  await node.hearsStored(LANE, 20, 30);
  const today = `dt >= '${new Date(Date.now() - 86_400_000).toISOString().slice(0, 10)}'`;
  const aside = await eventually('three messages aside', async () => {
    const sql = `SELECT reason, detail FROM aside WHERE ${today} AND client = '${node.name}' ORDER BY reason`;
    const rows = await runQuery(clients, athena, sql).catch(() => []); // no object yet, no table
    return rows.length === 3 && rows;
  });
  expect(aside.map(({ reason }) => reason)).toEqual(['not-allowed', 'undecodable', 'undecodable']);
  expect(aside[0]?.detail).toContain(victim.name);
  expect(await landedPositions(fleet, victim.name, LANE)).toEqual([]);
  expect(await readNodeIndex(fleet, victim.name)).toBeUndefined();
  await eventually('all four to be handled', () => messagesOf(node).size === 4);
  expect(invocationsOf(node).filter(({ failed }) => failed)).toEqual([]);
});
