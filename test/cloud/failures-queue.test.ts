import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll, expect, test } from '@jest/globals';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import { type TrafficClass, trafficClassOf } from '../../core/flow.ts';
import { laneKeyText } from '../../core/identity.ts';
import type { Lane } from '../../core/priority.ts';
import { EPOCH_A, envelopeOf } from '../helpers/envelopes.ts';
import { eventually } from '../helpers/processes.ts';
import { asideOf } from './helpers/aside.ts';
import { deliveriesOf } from './helpers/deliveries.ts';
import { type Fault, type FaultyCall, injectFault, REFUSALS } from './helpers/faults.ts';
import { type Feed, INGEST_FUNCTIONS, openFeed } from './helpers/feed.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { type Subscriber, subscribeCritical } from './helpers/notices.ts';
import { openNodes } from './helpers/open-nodes.ts';
import { expectStoredOnce, landedPositions } from './helpers/stored-once.ts';

/**
 * What fails for a time gives the message back to its queue, and the queue hands it out again: it is stored once and
 * answered in the end, however far the first attempt came, and never put aside.
 */
const fleet = openFleetCloud();
const { cloud, clients, output } = fleet;
const nameOf = (traffic: 'bulk' | 'critical'): string => output('Ingest', INGEST_FUNCTIONS[traffic]);

const { joinNext, closing } = openNodes(fleet);
const join = () => joinNext('queue-faults');
let subscriber: Subscriber;
/** In a batch with messages of other files a refused one is tried alone as well, and is through before it comes again. */
let feeds: Record<TrafficClass, Feed>;
beforeAll(async () => {
  feeds = { bulk: await openFeed(fleet, 'bulk', 3), critical: await openFeed(fleet, 'critical', 3) };
  closing.push(feeds.bulk.close, feeds.critical.close);
  subscriber = await subscribeCritical(fleet);
  closing.push(subscriber.close);
});
const idsOf = (node: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) =>
    [laneKeyText({ node, producer: 'edge', epoch: EPOCH_A, lane: 0 }), from + at].join('/'),
  );

const dynamoRefusal = (type: string, more: object = {}): Fault => ({
  type: 'answer',
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'refused by the test', ...more }),
});
const throttled = dynamoRefusal('ProvisionedThroughputExceededException');
const transactionThrottled = dynamoRefusal('TransactionCanceledException', {
  Message: 'Transaction cancelled, please refer cancellation reasons for specific reasons [ThrottlingError]',
  CancellationReasons: [{ Code: 'ThrottlingError', Message: 'Throughput exceeds the current capacity' }],
});
const snsForbidden: Fault = {
  type: 'answer',
  status: 403,
  headers: { 'content-type': 'text/xml' },
  body: '<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>refused</Message></Error></ErrorResponse>',
};
const BATCH_TRIES = 2;
/** The SDK asks so often before a try has failed. */
const SDK_ATTEMPTS = 3;
const CONFLICTS = 5;

interface Refused {
  what: string;
  match: FaultyCall;
  fault: Fault;
  /** Enough to fail the batch, and no more. */
  times: number;
}
const STORE: Refused[] = [
  {
    what: 'S3 unavailable when staging',
    match: { service: 's3', operation: 'PutObject' },
    fault: REFUSALS.s3Unavailable,
    times: BATCH_TRIES * SDK_ATTEMPTS,
  },
  {
    what: 'S3 unavailable when copying, after the transaction',
    match: { service: 's3', operation: 'CopyObject' },
    fault: REFUSALS.s3Unavailable,
    times: BATCH_TRIES * SDK_ATTEMPTS,
  },
  {
    what: 'other transactions on the lane, again and again',
    match: { service: 'dynamodb', operation: 'TransactWriteItems' },
    fault: REFUSALS.dynamoConflict,
    times: CONFLICTS,
  },
  {
    what: 'a throttled transaction',
    match: { service: 'dynamodb', operation: 'TransactWriteItems' },
    fault: transactionThrottled,
    times: BATCH_TRIES,
  },
  {
    what: 'throttled reads',
    match: { service: 'dynamodb', operation: 'BatchGetItem' },
    fault: throttled,
    times: BATCH_TRIES * SDK_ATTEMPTS,
  },
  {
    what: 'a refused acknowledgement',
    match: { service: 'iotdata', operation: 'Publish' },
    fault: REFUSALS.iotForbidden,
    times: 1,
  },
];
const NOTICE: Refused = { what: 'a refused notice', match: { service: 'sns' }, fault: snsForbidden, times: 1 };

async function comesAgain(lane: Lane, { match, fault, times }: Refused): Promise<void> {
  const node = await join();
  const traffic = trafficClassOf(lane);
  const name = nameOf(traffic);
  const injected = injectFault(cloud, name, { ...match, event: node.name }, fault, times);
  await feeds[traffic].send(node.name, encodeEnvelope(envelopeOf(0, 10, { node: node.name, lane })));
  await node.hearsStored(lane, 0, 10);
  // Other files end processes too: what counts is the last time that it was handed out.
  const settled = await eventually(
    () => `the message to be handled to its end: ${JSON.stringify(deliveriesOf(fleet, name, node.name))}`,
    () => {
      const deliveries = deliveriesOf(fleet, name, node.name).sort((one, other) => one.receives - other.receives);
      return deliveries.length > 1 && deliveries.at(-1)?.invocation.ended && deliveries;
    },
    60_000,
  );
  expect(injected.used()).toBe(times);
  // One message, handed out again; the function itself did not fail.
  expect(new Set(settled.map(({ messageId }) => messageId)).size).toBe(1);
  expect(Math.max(...settled.map(({ receives }) => receives))).toBeGreaterThan(1);
  expect(settled.some(({ invocation }) => invocation.failed)).toBe(false);
  await expectStoredOnce(fleet, node.name, lane, 10);
  expect(await asideOf(fleet, node.name)).toEqual([]);
  // People are told of each critical record, at least once.
  const told = new Set(lane === 0 ? idsOf(node.name, 0, 10) : []);
  await eventually('the notice', async () => new Set(await subscriber.toldOf(node.name)).size === told.size);
  expect(new Set(await subscriber.toldOf(node.name))).toEqual(told);
}

test.each(STORE)('$what: both classes', async (refused) => {
  await Promise.all([comesAgain(2, refused), comesAgain(0, refused)]);
});

test(NOTICE.what, () => comesAgain(0, NOTICE));

test('a function that throws at its start: its messages come again', async () => {
  const node = await join();
  const name = nameOf('bulk');
  const feed = await openFeed(fleet, 'bulk', 3);
  closing.push(feed.close);
  const thrown = injectFault(
    cloud,
    name,
    { operation: 'DescribeTable', event: node.name },
    dynamoRefusal('AccessDeniedException'),
  );
  // Processes that run already start no more: they are ended until a new one meets the message.
  const ends = injectFault(
    cloud,
    name,
    { operation: 'BatchGetItem', event: node.name },
    { type: 'exit', when: 'before' },
    20,
  );
  await feed.send(node.name, encodeEnvelope(envelopeOf(0, 10, { node: node.name })));
  await eventually('a start that fails', () => thrown.used() === 1, 60_000);
  ends.lift();
  await node.hearsStored(2, 0, 10);
  await feed.drained();
  const deliveries = deliveriesOf(fleet, name, node.name);
  expect(deliveries.filter(({ invocation }) => invocation.failed)).toHaveLength(1);
  expect(deliveries.some(({ invocation }) => invocation.ended && !invocation.failed)).toBe(true);
  await expectStoredOnce(fleet, node.name, 2, 10);
  expect(await asideOf(fleet, node.name)).toEqual([]);
});

test.each([
  { traffic: 'bulk', lane: 2, queue: 'BulkQueueUrl' },
  { traffic: 'critical', lane: 0, queue: 'CriticalQueueUrl' },
] as const)('$traffic: everything once more, from the node and from the queue', async ({ traffic, lane, queue }) => {
  const node = await join();
  const name = nameOf(traffic);
  const cuts = [
    [0, 10],
    [10, 20],
    [20, 30],
  ] as const;
  const send = () => Promise.all(cuts.map(([from, to]) => node.sendEnvelope(from, to, { lane })));
  const positionsAnswered = () =>
    node
      .answers()
      .flatMap(({ items }) => items.flatMap((item) => (item.type === 'stored' ? item.ranges : [])))
      .reduce((sum, { from, to }) => sum + to - from, 0);
  await send();
  await node.hearsStored(lane, 0, 30);
  const told = lane === 0 ? idsOf(node.name, 0, 30) : [];
  await eventually('the notices', async () => new Set(await subscriber.toldOf(node.name)).size === told.length);
  const first = deliveriesOf(fleet, name, node.name);

  let answered = positionsAnswered();
  await send();
  await eventually('the node to be answered again', () => positionsAnswered() >= answered + 30);
  answered = positionsAnswered();
  const bodies = [...new Map(first.map(({ messageId, body }) => [messageId, body])).values()];
  expect(bodies).toHaveLength(cuts.length);
  for (const MessageBody of bodies) {
    await clients.sqs.send(new SendMessageCommand({ QueueUrl: output('Ingest', queue), MessageBody }));
  }
  await eventually('an answer to what the queue held twice', () => positionsAnswered() >= answered + 30);
  await expectStoredOnce(fleet, node.name, lane, 30);
  expect(await landedPositions(fleet, node.name, lane)).toHaveLength(30);
  expect(await asideOf(fleet, node.name)).toEqual([]);
  // A resend is no news. Only what the queue handed out again may be told again: who stored it may have died.
  const again = deliveriesOf(fleet, name, node.name).filter(({ receives }) => receives > 1).length;
  expect((await subscriber.toldOf(node.name)).length).toBeLessThanOrEqual(told.length * (1 + again));
});
