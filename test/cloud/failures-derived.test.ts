import { DescribeAlarmsCommand, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, test } from '@jest/globals';
import { countsItemKey, storedCounter } from '../../adapters/aws/index-items.ts';
import { metricNamespaceOf } from '../../core/cloud-names.ts';
import { partialKeyOf } from '../../core/cold-layout.ts';
import { landedMessage } from '../../lambdas/landed-message.ts';
import { eventually } from '../helpers/processes.ts';
import { readCalls } from './helpers/calls.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { invokeFunction } from './helpers/functions.ts';
import { isThere, sendAndLand } from './helpers/landed.ts';
import { digestObject, readObject } from './helpers/objects.ts';
import { openNodes } from './helpers/open-nodes.ts';

/** What follows from stored records: the summaries of landed objects, and the comparison of the counts. */
const fleet = openFleetCloud();
const { cloud, clients, bucket, table, output } = fleet;
const aggregate = output('Ingest', 'AggregateFunctionName');

const { join } = openNodes(fleet);
const storedBy = async (name: string) => sendAndLand(fleet, await join(name));
const digestOf = (key: string) => digestObject(clients, bucket, key);

test('a summary made again is the same to the byte', async () => {
  const { landed, partial } = await storedBy('derived-001');
  const made = await digestOf(partial);
  const message = readCalls(cloud, aggregate, landed).at(-1)!;
  for (const again of [1, 2]) {
    await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: partial }));
    expect(await invokeFunction(cloud, aggregate, message.event)).toEqual({
      failed: false,
      result: { batchItemFailures: [] },
    });
    expect({ again, digest: await digestOf(partial) }).toEqual({ again, digest: made });
  }
});

test('a landed object that is damaged: its message goes to the dead letters, the others are summarised', async () => {
  const { landed, partial } = await storedBy('derived-002');
  // Athena reads no names with an underscore, so no other test's query stumbles over it.
  const damaged = landed.replace(/[^/]+$/, '_damaged.parquet');
  const summary = partialKeyOf(damaged)!;
  const put = (Key: string, Body: Uint8Array) => clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  // It was summarised once, when it was whole.
  await put(summary, await readObject(clients, bucket, partial));
  const bytes = await readObject(clients, bucket, landed);
  await put(damaged, bytes.subarray(0, bytes.length - 20));
  await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: partial }));
  const queue = output('Ingest', 'LandedQueueUrl');
  for (const key of [damaged, landed]) {
    await clients.sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody: landedMessage([key]) }));
  }
  await eventually('the summaries of the sound one', () => isThere(fleet, partial));
  await takeDeadLetter(output('Ingest', 'LandedDeadLetterQueueUrl'), landedMessage([damaged]));
  expect(readCalls(cloud, aggregate, damaged).every(({ ended, failed }) => ended && !failed)).toBe(true);
  expect(readCalls(cloud, aggregate, damaged)).toHaveLength(MAX_RECEIVES);
  expect(await digestOf(summary)).toBe(await digestOf(partial));
  for (const Key of [damaged, summary]) await clients.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
});

/** Of the landed queue (lib/ingest/landed-aggregate.ts). */
const MAX_RECEIVES = 5;

async function takeDeadLetter(QueueUrl: string, body: string): Promise<void> {
  const handle = await eventually(
    `the dead letter ${body}`,
    async () => {
      const { Messages = [] } = await clients.sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
      );
      return Messages.find(({ Body }) => Body === body)?.ReceiptHandle;
    },
    60_000,
  );
  await clients.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: handle }));
}

test('a counter that is wrong is told in records, rings the alarm, and is gone once it is right again', async () => {
  const name = 'derived-009';
  await storedBy(name);
  const { pk, sk } = countsItemKey(name);
  const add = async (records: number): Promise<void> => {
    await clients.dynamo.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pk: { S: pk }, sk: { S: sk } },
        UpdateExpression: 'ADD #counter :records',
        ExpressionAttributeNames: { '#counter': storedCounter('normal') },
        ExpressionAttributeValues: { ':records': { N: String(records) } },
      }),
    );
  };
  const namespace = metricNamespaceOf(cloud.fleet);
  const told = async (Dimensions: { Name: string; Value: string }[]): Promise<{ greatest: number; times: number }> => {
    const { Datapoints = [] } = await clients.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: namespace,
        MetricName: 'LedgerDifference',
        Dimensions,
        StartTime: new Date(Date.now() - 600_000),
        EndTime: new Date(Date.now() + 60_000),
        Period: 3_600,
        Statistics: ['Sum', 'Maximum', 'SampleCount'],
      }),
    );
    // A full hour within these minutes makes two periods of them.
    return {
      greatest: Math.max(...Datapoints.map(({ Maximum }) => Maximum!)),
      times: Datapoints.reduce((sum, { SampleCount }) => sum + SampleCount!, 0),
    };
  };
  const alarm = async () => {
    const { MetricAlarms = [] } = await clients.cloudWatch.send(new DescribeAlarmsCommand({}));
    const [found, ...more] = MetricAlarms.filter(({ Namespace }) => Namespace === namespace).filter(
      ({ MetricName }) => MetricName === 'LedgerDifference',
    );
    expect(more).toEqual([]);
    return found!.StateValue;
  };
  const compare = () => invokeFunction(cloud, output('Ingest', 'CompareFunctionName'));

  expect(await compare()).toMatchObject({ failed: false, result: { difference: 0 } });
  expect(await alarm()).toBe('OK');
  await add(7);
  const wrong = await compare();
  await add(-7);
  const right = await compare();
  expect(wrong).toMatchObject({ failed: false, result: { difference: 7 } });
  expect(right).toMatchObject({ failed: false, result: { difference: 0 } });
  // Of one node and class, once; the sum over the fleet each time.
  const dimensions = [
    { Name: 'Node', Value: name },
    { Name: 'Priority', Value: 'normal' },
  ];
  expect(await told(dimensions)).toEqual({ greatest: 7, times: 1 });
  expect((await told([])).greatest).toBe(7);
  // It stays so for three periods, a quarter of an hour, which no test waits for.
  expect(await alarm()).toBe('ALARM');
});
