import { join } from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stackNameOf } from '../../core/cloud-names.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { killAll, writeFleet } from '../helpers/processes.ts';
import { readCloud } from './cloud.ts';
import { createClients } from './helpers/clients.ts';
import { createOperator, type Operator } from './helpers/headwater.ts';
import { readObject } from './helpers/objects.ts';
import { askJson } from './helpers/raw-api.ts';
import { deployedResources, outputsOf, stackNames } from './helpers/stacks.ts';

/** What `headwater deploy` does to a fleet that is there already, on a fleet beside the one of all other tests. */
const cloud = readCloud();
const clients = createClients(cloud.endpoint);
const FLEET = 'deployment';
const STACKS = (['Foundation', 'Storage', 'Ingest'] as const).map((stack) => stackNameOf(FLEET, stack));

let folder: { path: string; remove(): Promise<void> };
let operator: Operator;
beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  operator = await createOperator(cloud, join(folder.path, 'home'));
});
afterAll(async () => {
  await killAll();
  await folder.remove();
});

const fleetOf = (nodes: number, cloudPart: object): Promise<string> =>
  writeFleet(folder.path, {
    name: FLEET,
    streams: { temperature: { simulate: { shape: 'analog', base: 20 } } },
    deviceGroups: { press: { streams: ['temperature'], source: { type: 'simulate' } } },
    nodes: [{ name: 'press-hall', count: nodes, site: 'here', deviceGroups: ['press'] }],
    uplink: [{ type: 'iot-core' }],
    cloud: cloudPart,
  });

/** What it said of each stack, and its time on standard output. cdk.json's build would change dist/ under other tests. */
async function deploy(what: string, file: string, ...options: string[]): Promise<string> {
  const more = ['--build', '', '--output', join(folder.path, 'cdk.out'), '--progress', 'events'];
  const { out, err, ms } = await operator.run('deploy', file, ...options, '--', ...more);
  process.stdout.write(`headwater deploy, ${what}: ${(ms / 1_000).toFixed(1)} s\n`);
  return out + err;
}
const unchanged = (said: string): string[] => STACKS.filter((stack) => said.includes(`${stack} (no changes)`));

interface FunctionSetting {
  MemorySize: number;
  Environment: { Variables: Record<string, string> };
}
async function ask<T>(path: string): Promise<T> {
  const response = await fetch(`${cloud.endpoint}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
const functionSetting = (name: string): Promise<FunctionSetting> => ask(`/2015-03-31/functions/${name}/configuration`);
const windows = async (name: string): Promise<number[]> =>
  (
    await ask<{ EventSourceMappings: { MaximumBatchingWindowInSeconds: number }[] }>(
      `/2015-03-31/event-source-mappings/?FunctionName=${name}`,
    )
  ).EventSourceMappings.map(({ MaximumBatchingWindowInSeconds }) => MaximumBatchingWindowInSeconds);

test('deployed again nothing changes, changed it changes in place, and destroyed it leaves what holds data', async () => {
  const file = await fleetOf(1, { bulkWindow: '1s', logDays: 30 });
  const first = await deploy('first time', file, '--require-approval', 'never');
  expect(unchanged(first)).toEqual([]);
  const made = await deployedResources(cloud.endpoint, FLEET);
  expect([...made.values()].filter(([, id]) => id === '')).toEqual([]);
  const outputs = await outputsOf(cloud.endpoint, FLEET);
  const bucket = outputs.ColdBucketName!;
  const table = outputs.TableName!;
  const bulk = outputs.BulkFunctionName!;
  const key = 'landing/dt=2026-01-05/kept.parquet';
  const item = { pk: { S: 'press-hall-001' }, sk: { S: 'counts' }, stored_normal: { N: '7' } };
  await clients.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'kept' }));
  await clients.dynamo.send(new PutItemCommand({ TableName: table, Item: item }));

  expect(unchanged(await deploy('nothing changed', file))).toEqual(STACKS);

  expect([(await functionSetting(bulk)).Environment.Variables.HEADWATER_NODES, await windows(bulk)]).toEqual([
    '[["press-hall",1]]',
    [1],
  ]);
  expect((await functionSetting(bulk)).MemorySize).toBe(1_769);
  await fleetOf(2, { bulkWindow: '7s', logDays: 7, ingestMemory: '2GiB' });
  expect(unchanged(await deploy('a node, a window, memory and days of logs changed', file))).not.toContain(
    stackNameOf(FLEET, 'Ingest'),
  );
  expect([(await functionSetting(bulk)).Environment.Variables.HEADWATER_NODES, await windows(bulk)]).toEqual([
    '[["press-hall",2]]',
    [7],
  ]);
  expect((await functionSetting(bulk)).MemorySize).toBe(2_048);
  expect(await deployedResources(cloud.endpoint, FLEET)).toEqual(made);

  await deploy('destroyed', file, '--destroy', '--yes');
  expect((await stackNames(cloud.endpoint)).filter((name) => STACKS.includes(name))).toEqual([]);
  await expect(functionSetting(bulk)).rejects.toThrow(/404/);
  expect(Buffer.from(await readObject(clients, bucket, key)).toString()).toBe('kept');
  const kept = await clients.dynamo.send(
    new GetItemCommand({ TableName: table, Key: { pk: item.pk, sk: item.sk }, ConsistentRead: true }),
  );
  expect(kept.Item).toEqual(item);
  for (const arn of [outputs.DataKeyArn, outputs.OperationsKeyArn]) {
    const { KeyMetadata } = await askJson<{ KeyMetadata: { KeyState: string } }>(
      cloud.endpoint,
      'TrentService.DescribeKey',
      { KeyId: arn },
    );
    expect(KeyMetadata.KeyState).toBe('Enabled');
  }
}, 300_000);
