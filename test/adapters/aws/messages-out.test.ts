import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, test } from '@jest/globals';
import { clientOptions } from '../../../adapters/aws/client-options.ts';
import { createCloudWatchMetrics } from '../../../adapters/aws/cloudwatch-metrics.ts';
import { createIotAnswers } from '../../../adapters/aws/iot-answers.ts';
import { createSnsNotices } from '../../../adapters/aws/sns-notices.ts';
import { createSqsQueue } from '../../../adapters/aws/sqs-queue.ts';
import { type CannedAnswer, startFakeService } from '../../helpers/fake-service.ts';

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
async function setUp(answer: CannedAnswer) {
  const service = await startFakeService(() => answer);
  opened.push(service);
  return { requests: service.requests, options: { ...clientOptions(), ...service.options, maxAttempts: 1 } };
}
const refused: CannedAnswer = { status: 400, body: '{"__type":"AccessDenied","message":"no"}' };

test('a queue gets the body as it is', async () => {
  const { requests, options } = await setUp({
    body: '{"MessageId":"1","MD5OfMessageBody":"49f68a5c8493ec2c0bf489821c21fc3b"}', // of "hi"
  });
  await createSqsQueue(new SQSClient(options), 'https://sqs.eu-west-1.amazonaws.com/1/landed')('hi');
  expect(JSON.parse(requests[0]!.body.toString())).toEqual({
    QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/landed',
    MessageBody: 'hi',
  });
});

test('an answer goes to its topic, at least once', async () => {
  const { requests, options } = await setUp({});
  await createIotAnswers(new IoTDataPlaneClient(options))('headwater/node-a/answer', Uint8Array.of(0, 255));
  expect(decodeURIComponent(requests[0]!.url)).toBe('/topics/headwater/node-a/answer?qos=1');
  expect([...requests[0]!.body]).toEqual([0, 255]);
});

test('a notice has its subject', async () => {
  const { requests, options } = await setUp({
    headers: { 'content-type': 'text/xml' },
    body: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
  });
  await createSnsNotices(new SNSClient(options), 'arn:aws:sns:eu-west-1:1:critical')({ subject: 'S', body: '{"€":1}' });
  expect(Object.fromEntries(new URLSearchParams(requests[0]!.body.toString()))).toMatchObject({
    TopicArn: 'arn:aws:sns:eu-west-1:1:critical',
    Subject: 'S',
    Message: '{"€":1}',
  });
});

test('metrics go a thousand at a time', async () => {
  const { requests, options } = await setUp({ body: '{}' });
  // Plain JSON in the test: larger requests are compressed on their way.
  const client = new CloudWatchClient({ ...options, disableRequestCompression: true });
  const points = Array.from({ length: 1_001 }, (_, at) => ({ name: 'N', value: at, dimensions: { Node: `n-${at}` } }));
  await createCloudWatchMetrics(client, 'Headwater/demo')(points, 1_735_689_600_000);
  const bodies = requests.map(({ body }) => JSON.parse(body.toString()) as { MetricData: object[]; Namespace: string });
  expect(bodies.map(({ MetricData }) => MetricData.length)).toEqual([1_000, 1]);
  expect(bodies[1]).toEqual({
    Namespace: 'Headwater/demo',
    MetricData: [
      {
        MetricName: 'N',
        Value: 1_000,
        Unit: 'Count',
        Timestamp: 1_735_689_600,
        Dimensions: [{ Name: 'Node', Value: 'n-1000' }],
      },
    ],
  });
});

test('a refusal is an error', async () => {
  const { options } = await setUp(refused);
  await expect(createSqsQueue(new SQSClient(options), 'https://example.org/q')('hi')).rejects.toThrow();
  await expect(createIotAnswers(new IoTDataPlaneClient(options))('t', Uint8Array.of(1))).rejects.toThrow();
  await expect(createSnsNotices(new SNSClient(options), 'arn')({ subject: 'S', body: 'B' })).rejects.toThrow();
  const point = { name: 'N', value: 1, dimensions: {} };
  await expect(createCloudWatchMetrics(new CloudWatchClient(options), 'N')([point], 0)).rejects.toThrow();
});
