import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { asideKey, landingKey, partialKeyOf, stagingKey } from '../../core/cold-layout.ts';
import { topicOf } from '../../core/flow.ts';
import { root } from '../docs/pages.ts';
import { type AwsCall, refusedCalls } from '../helpers/allowed-calls.ts';
import { fleetFile, synthesise } from '../helpers/fleet-templates.ts';
import { rightsOf } from '../helpers/rights.ts';

const rights = rightsOf(synthesise(await fleetFile('small-factory')));
const ROLES = {
  ingest: ['Ingest/Critical/Ingest/Role', 'Ingest/Bulk/Ingest/Role'],
  aggregate: ['Ingest/Summaries/Aggregate/Role'],
  sweep: ['Ingest/Sweeping/Sweep/Role'],
  compare: ['Ingest/Comparing/Compare/Role'],
} as const;

/** Actions of which a function's code knows nothing: Lambda takes them on its behalf, services ask KMS in its name. */
const TAKEN_FOR_IT = /^(kms:|logs:|sqs:(DeleteMessage|GetQueueAttributes|ReceiveMessage)$)/;

/** Which action a command of the SDK needs. A transaction needs the rights of its parts. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  'client-dynamodb BatchGetItem': ['dynamodb:BatchGetItem'],
  'client-dynamodb DeleteItem': ['dynamodb:DeleteItem'],
  'client-dynamodb DescribeTable': ['dynamodb:DescribeTable'],
  'client-dynamodb Query': ['dynamodb:Query'],
  'client-dynamodb TransactWriteItems': ['dynamodb:DeleteItem', 'dynamodb:UpdateItem'],
  'client-dynamodb UpdateItem': ['dynamodb:UpdateItem'],
  'client-s3 CopyObject': ['s3:GetObject', 's3:PutObject'],
  'client-s3 DeleteObjects': ['s3:DeleteObject'],
  'client-s3 GetObject': ['s3:GetObject', 's3:ListBucket'],
  'client-s3 ListObjectsV2': ['s3:ListBucket'],
  'client-s3 PutObject': ['s3:PutObject'],
  'client-iot-data-plane Publish': ['iot:Publish'],
  'client-sns Publish': ['sns:Publish'],
  'client-sqs SendMessage': ['sqs:SendMessage'],
  'client-cloudwatch PutMetricData': ['cloudwatch:PutMetricData'],
};

/** What the code in a function's bundle can ask AWS for. */
async function actionsOf(name: string): Promise<Set<string>> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`lambdas/${name}/index.ts`],
    bundle: true,
    write: false,
    outdir: 'unused',
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
  });
  const sources = Object.keys(metafile.inputs).map((file) => readFileSync(join(root, file), 'utf8'));
  const commands = sources.flatMap((source) => {
    const client = /from '@aws-sdk\/(client-[\w-]+)'/.exec(source)?.[1];
    return [...source.matchAll(/new (\w+)Command\(/g)].map(([, command]) => `${client} ${command}`);
  });
  return new Set(
    commands.flatMap((command) => {
      const actions = ACTIONS[command];
      if (actions === undefined)
        throw new Error(`lambdas/${name}: which right does ${command} need? Add it to ACTIONS`);
      return actions;
    }),
  );
}

describe.each(Object.entries(ROLES))('%s', (name, roles) => {
  test('may do nothing that its code cannot ask for', async () => {
    const callable = await actionsOf(name);
    const granted = rights.filter(
      ({ who, action }) => (roles as readonly string[]).includes(who) && !TAKEN_FOR_IT.test(action),
    );
    expect(granted.filter(({ action }) => !callable.has(action))).toEqual([]);
    expect(granted.length).toBeGreaterThan(2);
  });
});

describe('refusedCalls', () => {
  const call = (service: string, operation: string, path = '/'): AwsCall => ({ service, operation, path });
  const key = (text: string): string => `/cold/${text.replaceAll('=', '%3D')}`;
  const [critical, bulk] = ROLES.ingest;

  test('passes what ingest does', () => {
    expect(
      refusedCalls(rights, critical, [
        call('dynamodb', 'DescribeTable'),
        call('dynamodb', 'BatchGetItem'),
        call('dynamodb', 'TransactWriteItems'),
        call('s3', 'PutObject', `${key(stagingKey('b', '2026-11-23'))}?x-id=PutObject`),
        call('s3', 'CopyObject', key(landingKey('b', '2026-11-23'))),
        call('s3', 'DeleteObjects', '/cold?delete='),
        call('s3', 'ListObjectsV2', '/cold?list-type=2&prefix=staging%2Fb%2F'),
        call('s3', 'PutObject', key(asideKey('x', '2026-11-23'))),
        call('sqs', 'SendMessage'),
        call('iotdata', 'Publish', `/topics/${encodeURIComponent(topicOf('answer', 'press-1'))}?qos=1`),
        call('sns', 'Publish'),
      ]),
    ).toEqual([]);
  });

  test.each([
    [bulk, call('sns', 'Publish')],
    [bulk, call('s3', 'GetObject', key(landingKey('b', '2026-11-23')))],
    [bulk, call('s3', 'PutObject', key(partialKeyOf(landingKey('b', '2026-11-23'))!))],
    [bulk, call('s3', 'ListObjectsV2', '/cold?list-type=2&prefix=landing%2F')],
    [bulk, call('s3', 'ListObjectsV2', '/cold?list-type=2')],
    [bulk, call('iotdata', 'Publish', `/topics/${encodeURIComponent(topicOf('bulk', 'press-1'))}`)],
    [bulk, call('dynamodb', 'PutItem')],
    [ROLES.aggregate[0], call('s3', 'PutObject', key(landingKey('b', '2026-11-23')))],
    [ROLES.aggregate[0], call('s3', 'DeleteObjects', '/cold?delete=')],
    [ROLES.compare[0], call('dynamodb', 'UpdateItem')],
    [ROLES.compare[0], call('sqs', 'SendMessage')],
    ['nobody', call('sqs', 'SendMessage')],
  ])('%s may not %j', (role, refused) => {
    expect(refusedCalls(rights, role, [refused])).toEqual([refused]);
  });
});
