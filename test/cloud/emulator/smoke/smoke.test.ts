import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { GetNamedQueryCommand } from '@aws-sdk/client-athena';
import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../../../helpers/processes.ts';
import { readCloud } from '../../cloud.ts';
import { runQuery } from '../../helpers/athena.ts';
import { type Call, readCalls } from '../../helpers/calls.ts';
import { createClients } from '../../helpers/clients.ts';
import { type Fault, type FaultyCall, injectFault, REFUSALS } from '../../helpers/faults.ts';
import { describeFunction, invokeFunction } from '../../helpers/functions.ts';
import { peekQueue, queueDepth, shortenRetries } from '../../helpers/queues.ts';
import { connectDevice, type Device, type DeviceOptions, registerThing, type Thing } from '../../helpers/thing.ts';
import { deploySmoke, type SmokeOutputs } from './deploy.ts';

/** What the suites rely on in the emulator, shown on a stack that has one of each thing. */
const cloud = readCloud();
const clients = createClients(cloud.endpoint);
let smoke: SmokeOutputs;
beforeAll(async () => {
  smoke = await deploySmoke(cloud);
  await shortenRetries(clients, smoke.QueueUrl, 2);
});

const open: Device[] = [];
afterEach(async () => {
  for (const device of open.splice(0)) await device.close();
});

const connect = async (thing: Thing | undefined, options: DeviceOptions): Promise<Device> => {
  const device = await connectDevice(cloud, thing, options);
  open.push(device);
  return device;
};
const answerTopic = (name: string): string => `smoke/${name}/answer`;
const dataTopic = (name: string): string => `$aws/rules/${smoke.Rule}/smoke/${name}/data`;
const connected = async (name: string, options: Partial<DeviceOptions> = {}): Promise<[Device, Thing]> => {
  const thing = await registerThing(clients, name, smoke.Policy);
  return [await connect(thing, { clientId: name, subscribe: [answerTopic(name)], ...options }), thing];
};

describe('template types', () => {
  test('every type of our templates has a row in template-types.json', () => {
    const rows = JSON.parse(readFileSync(resolve(import.meta.dirname, '../template-types.json'), 'utf8'));
    const assemblies = [join(cloud.directory, 'cdk.out'), join(cloud.directory, 'smoke', 'cdk.out')];
    const used = assemblies.flatMap((assembly) =>
      readdirSync(assembly)
        .filter((file) => file.endsWith('.template.json'))
        .flatMap((file) => {
          const { Resources } = JSON.parse(readFileSync(join(assembly, file), 'utf8'));
          return Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
        }),
    );
    expect(used).toContain('AWS::Athena::NamedQuery');
    expect([...new Set(used)].filter((type) => !(type in rows))).toEqual([]);
  });

  test('a named query is there after a deployment', async () => {
    const { NamedQuery } = await clients.athena.send(new GetNamedQueryCommand({ NamedQueryId: smoke.Query }));
    expect(NamedQuery).toMatchObject({ Name: 'rows', Database: 'smoke', WorkGroup: 'smoke' });
  });
});

describe('the border to devices', () => {
  test('IoT signs a request under the name that the device wrote into it', async () => {
    const [, { certificate }] = await connected('smoke-subject');
    expect(new X509Certificate(certificate).subject).toBe('CN=smoke-subject');
  });

  test('refuses a foreign client id, and a client without certificate', async () => {
    const [, thing] = await connected('smoke-own');
    await expect(connect(thing, { clientId: 'smoke-other' })).rejects.toThrow(/closed/);
    await expect(connect(thing, { clientId: 'smoke-other', protocolVersion: 5 })).rejects.toThrow(/Not authorized/);
    await expect(connect(undefined, { clientId: 'smoke-own' })).rejects.toThrow();
  });

  test('ends the connection of one who publishes or subscribes elsewhere', async () => {
    const [first, thing] = await connected('smoke-strays');
    await expect(first.publish(dataTopic('smoke-other'), Buffer.from('x'))).rejects.toThrow();
    const again = await connect(thing, { clientId: 'smoke-strays' });
    await expect(again.subscribe(answerTopic('smoke-other'))).rejects.toThrow();
  });

  test('ends the connection at the quota of payload and topic', async () => {
    const [device, thing] = await connected('smoke-quota');
    await device.publish(dataTopic('smoke-quota'), Buffer.alloc(128 * 1024, 'x'));
    await expect(device.publish(dataTopic('smoke-quota'), Buffer.alloc(128 * 1024 + 1, 'x'))).rejects.toThrow();
    const again = await connect(thing, { clientId: 'smoke-quota' });
    const deepest = `$aws/rules/${smoke.Rule}/smoke/smoke-quota/1/2/3/4/5/6`; // 7 slashes after the rule's name
    await again.publish(deepest, Buffer.alloc(2_000, 'x'));
    await expect(again.publish(`${deepest}/7`, Buffer.alloc(2_000, 'x'))).rejects.toThrow();
  });

  test('refuses a larger payload over HTTP too', async () => {
    const publish = (bytes: number) =>
      clients.iotData.send(new PublishCommand({ topic: 'smoke/http', payload: Buffer.alloc(bytes) }));
    await publish(128 * 1024);
    await expect(publish(128 * 1024 + 1)).rejects.toThrow(/131073 bytes, allowed 131072/);
  });
});

describe('from a device through rule, queue and function back to it', () => {
  test('carries bytes, client, topic and the number of receipts; wakes the alarm; tells the topic', async () => {
    const [device] = await connected('smoke-round');
    await device.publish(dataTopic('smoke-round'), Buffer.from('one'));
    const answer = JSON.parse((await device.hears('an answer', () => true)).toString());
    expect(answer).toMatchObject({ text: 'one', receives: '1' });
    const [traced] = readCalls(cloud, smoke.Function, 'smoke-round');
    const event = traced!.event as { Records: { body: string }[] };
    expect(JSON.parse(event.Records[0]!.body)).toEqual({
      payload: Buffer.from('one').toString('base64'),
      client: 'smoke-round',
      topic: 'smoke/smoke-round/data',
      at: expect.any(Number),
    });
    await eventually('the notice', async () => (await peekQueue(clients, smoke.HeardUrl)).includes('one'));
    await eventually('the alarm', async () => {
      const { MetricAlarms } = await clients.cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [smoke.Alarm] }));
      return MetricAlarms?.[0]?.StateValue === 'ALARM';
    });
  });

  test('a function sees nothing of the environment of whoever runs the tests', async () => {
    const [device] = await connected('smoke-clean');
    await device.publish(dataTopic('smoke-clean'), Buffer.from('one'));
    const { environment } = JSON.parse((await device.hears('an answer', () => true)).toString());
    expect(environment).toContain('AWS_LAMBDA_FUNCTION_NAME');
    expect(environment.filter((name: string) => /^(HOME|HEADWATER|npm_|NODE_|JEST|USER)/.test(name))).toEqual([]);
  });

  test('a message that fails alone goes to the dead letters after its receipts', async () => {
    const [device] = await connected('smoke-dead');
    await device.publish(dataTopic('smoke-dead'), Buffer.from('fail'));
    await eventually('a dead letter', async () =>
      (await peekQueue(clients, smoke.DeadLettersUrl)).some((body) => body.includes('smoke-dead')),
    );
    expect(readCalls(cloud, smoke.Function, 'smoke-dead')).toHaveLength(3);
  });

  test('a function can be invoked; one that throws comes back as failed', async () => {
    expect(await invokeFunction(cloud, smoke.Function, { Records: [] })).toEqual({
      failed: false,
      result: { batchItemFailures: [] },
    });
    expect(await invokeFunction(cloud, smoke.Function, { Records: [{ body: 'no JSON' }] })).toMatchObject({
      failed: true,
      result: { errorMessage: expect.stringContaining('is not valid JSON') },
    });
  });
});

describe('calls of a function are traced, and meet what a test asks for', () => {
  const names = (calls: readonly Call[] = []): string[] =>
    calls.map(({ service, operation }) => `${service} ${operation}`);
  const ALL = ['dynamodb UpdateItem', 's3 PutObject', 'sns Publish', 'monitoring PutMetricData', 'iotdata Publish'];
  let last = 0;
  /** Publishes one message whose invocation meets the fault, and waits for the answer after the retry. */
  async function meet(match: FaultyCall, fault: Fault, times = 1) {
    const name = `smoke-fault-${++last}`;
    const injected = injectFault(cloud, smoke.Function, { ...match, event: name }, fault, times);
    const [device] = await connected(name);
    await device.publish(dataTopic(name), Buffer.from('one'));
    await eventually('a retry that ran to its end', () => readCalls(cloud, smoke.Function, name)[1]?.ended);
    expect(injected.used()).toBe(times);
    // On a busy machine the message may be handed out a third time before the second is done.
    await eventually('an empty queue', async () => {
      const { waiting, inFlight } = await queueDepth(clients, smoke.QueueUrl);
      return waiting + inFlight === 0;
    });
    const key = { pk: { S: name }, sk: { S: 'one' } };
    const { Item } = await clients.dynamo.send(new GetItemCommand({ TableName: smoke.Table, Key: key }));
    const [first, second] = readCalls(cloud, smoke.Function, name);
    expect(names(second?.calls)).toEqual(ALL);
    const asked = readCalls(cloud, smoke.Function, name)
      .flatMap(({ calls }) => names(calls))
      .filter((call) => call === ALL[0]);
    return { first: first!.calls, undone: asked.length - Number(Item?.count?.N) };
  }

  test.each([{ at: 0 }, { at: 4 }])('the process ends before call $at, and after it', async ({ at }) => {
    const before = await meet({ at }, { type: 'exit', when: 'before' });
    expect(names(before.first)).toEqual(ALL.slice(0, at + 1));
    expect(before.first[at]).toMatchObject({ fault: 'exit' });
    expect(before.first[at]).not.toHaveProperty('status');
    // The call itself was not made: it is the update that counts.
    expect(before.undone).toBe(at === 0 ? 1 : 0);

    const after = await meet({ at }, { type: 'exit', when: 'after' });
    expect(names(after.first)).toEqual(ALL.slice(0, at + 1));
    expect(after.undone).toBe(0);
  });

  test.each([
    // The SDK asks S3 again, twice.
    { match: { service: 's3' }, fault: REFUSALS.s3Unavailable, times: 3 },
    { match: { service: 'dynamodb' }, fault: REFUSALS.dynamoConflict, times: 1 },
    { match: { service: 'iotdata' }, fault: REFUSALS.iotForbidden, times: 1 },
  ])('$match.service refuses $times times', async ({ match, fault, times }) => {
    const { first } = await meet(match, fault, times);
    expect(first.filter(({ service }) => service === match.service)).toEqual(
      Array.from({ length: times }, () => expect.objectContaining({ fault: 'answer', status: fault.status })),
    );
  });

  test('a call is held until it is let go', async () => {
    const held = injectFault(cloud, smoke.Function, { operation: 'PutObject', event: 'smoke-held' }, { type: 'hold' });
    const [device] = await connected('smoke-held');
    await device.publish(dataTopic('smoke-held'), Buffer.from('one'));
    await eventually('the held call', () => held.used() === 1);
    expect(device.heard).toEqual([]);
    expect(readCalls(cloud, smoke.Function, 'smoke-held')[0]?.calls.at(-1)).not.toHaveProperty('status');
    held.lift();
    await device.hears('the answer', () => true);
    const first = await eventually('its end', () => {
      const [traced] = readCalls(cloud, smoke.Function, 'smoke-held');
      return traced?.ended && traced;
    });
    expect(first.calls.map(({ status }) => status)).toEqual(ALL.map(() => 200));
  });
});

describe('Athena', () => {
  const place = { database: 'smoke', workGroup: 'smoke' };
  test.each([
    ['SELECT 1/2 AS x', '0'],
    ['SELECT approx_percentile(v, 0.5) AS x FROM (VALUES (1), (2), (3)) AS t(v)', '2.0'],
    ['SELECT approx_distinct(v) AS x FROM (VALUES (1), (2), (2)) AS t(v)', '2'],
    ["SELECT at_timezone(from_unixtime(0), 'Europe/Berlin') AS x", '1970-01-01 01:00:00'],
    ["SELECT from_iso8601_timestamp('2026-01-01T00:00:00Z') AS x", '2026-01-01 00:00:00+00:00'],
    ['SELECT from_unixtime(0) AS x', '1970-01-01 00:00:00+00:00'],
    [`SELECT json_extract_scalar('{"a":"b"}', '$.a') AS x`, 'b'],
    ["SELECT regexp_like('abc', 'b') AS x", 'true'],
    ['SELECT cardinality(sequence(1, 3)) AS x', '3'],
    ['SELECT to_unixtime(from_unixtime(5)) AS x', '5.0'],
  ])('%s', async (sql, expected) => {
    expect(await runQuery(clients, place, sql)).toEqual([{ x: expected }]);
  });

  test('fills parameters in, in their order, and refuses another number of them', async () => {
    const sql = "SELECT '?' || ? || ? AS x -- ?";
    expect(await runQuery(clients, place, sql, ["'a'", "'b'"])).toEqual([{ x: '?ab' }]);
    await expect(runQuery(clients, place, sql, ["'a'"])).rejects.toThrow(/has 2 parameters, but 1 were given/);
  });
});

test('another memory size and another query are changed where they are', async () => {
  const before = await describeFunction(cloud, smoke.Function);
  expect(await deploySmoke(cloud, ['memory=256'])).toEqual({ ...smoke, Query: expect.not.stringMatching(smoke.Query) });
  expect(before.MemorySize).toBe(128);
  expect(await describeFunction(cloud, smoke.Function)).toMatchObject({
    FunctionArn: before.FunctionArn,
    MemorySize: 256,
  });
  // A named query cannot be changed: the old one is gone, as on AWS.
  await expect(clients.athena.send(new GetNamedQueryCommand({ NamedQueryId: smoke.Query }))).rejects.toThrow(
    /not found/,
  );
});
