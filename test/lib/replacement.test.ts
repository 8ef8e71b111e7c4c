import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import {
  fleetFile,
  type Json,
  type JsonObject,
  resourcesOf,
  type Synthesised,
  synthesise,
} from '../helpers/fleet-templates.ts';

/**
 * Properties whose change makes CloudFormation replace the resource (`Update requires: Replacement` in its reference):
 * a new, empty one takes its place, or a name that devices hold for years goes away.
 */
const REPLACED_BY: Readonly<Record<string, readonly string[]>> = {
  'AWS::Athena::WorkGroup': ['Name'],
  'AWS::DynamoDB::Table': ['AttributeDefinitions', 'ImportSourceSpecification', 'KeySchema', 'TableName'],
  'AWS::Glue::Database': ['CatalogId', 'DatabaseInput.Name', 'DatabaseName'],
  'AWS::Glue::Table': ['CatalogId', 'DatabaseName', 'TableInput.Name'],
  'AWS::IoT::Policy': ['PolicyName'],
  'AWS::IoT::ThingGroup': ['ParentGroupName', 'ThingGroupName'],
  'AWS::IoT::TopicRule': ['RuleName'],
  'AWS::KMS::Alias': ['AliasName'],
  'AWS::KMS::Key': ['KeySpec', 'KeyUsage', 'MultiRegion', 'Origin'],
  'AWS::Logs::LogGroup': ['LogGroupClass', 'LogGroupName'],
  'AWS::S3::Bucket': ['BucketName', 'ObjectLockEnabled'],
  'AWS::SNS::Topic': ['FifoTopic', 'TopicName'],
  'AWS::SQS::Queue': ['FifoQueue', 'QueueName'],
};

const RECORD = new URL('./stateful-resources.json', import.meta.url);
const ACCEPT = 'HEADWATER_ACCEPT_REPLACEMENT';
const HOW = `if the replacement is meant, run: ${ACCEPT}=1 npm run jest -- test/lib/replacement.test.ts`;

/** By stack and logical id: CloudFormation knows a resource by them, so another id is another resource. */
function recordOf(fleet: Synthesised): Record<string, JsonObject> {
  const rows = resourcesOf(fleet).flatMap(
    ({ stack, id, resource: { Type, Properties = {} } }): [string, JsonObject][] => {
      const names = REPLACED_BY[Type];
      if (names === undefined) return [];
      const values = names.flatMap((name): [string, Json][] => {
        const value = name
          .split('.')
          .reduce<Json | undefined>((json, step) => (json as JsonObject)?.[step], Properties);
        return value === undefined ? [] : [[name, value]];
      });
      return [[`${stack} ${id}`, { Type, ...Object.fromEntries(values) }]];
    },
  );
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One line for each resource that would be replaced, lost or new. */
function changes(was: Record<string, JsonObject>, is: Record<string, JsonObject>): string[] {
  const ids = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return ids.flatMap((id) => {
    const [before, after] = [JSON.stringify(was[id]), JSON.stringify(is[id])];
    if (before === after) return [];
    if (after === undefined) return [`${id} is gone: what it holds would be orphaned; ${HOW}`];
    if (before === undefined) return [`${id} is not in the record; ${HOW}`];
    return [`${id} would be replaced: ${before} → ${after}; ${HOW}`];
  });
}

const fleet = synthesise(await fleetFile('small-factory'));
if (process.env[ACCEPT] === '1') writeFileSync(RECORD, `${JSON.stringify(recordOf(fleet), null, 2)}\n`);
const accepted = JSON.parse(readFileSync(RECORD, 'utf8')) as Record<string, JsonObject>;

test('no stateful resource would be replaced', () => {
  expect(changes(accepted, recordOf(fleet))).toEqual([]);
  expect(Object.keys(accepted).length).toBeGreaterThan(25);
});

test('another key schema, another logical id and another rule name are seen', () => {
  const planted = structuredClone(fleet);
  const { resource: table } = resourcesOf(planted, 'AWS::DynamoDB::Table')[0]!;
  (table.Properties!.KeySchema as { AttributeName: string }[])[0]!.AttributeName = 'id';
  const { Resources } = planted.templates.Storage as { Resources: Record<string, typeof table> };
  const bucket = resourcesOf(planted, 'AWS::S3::Bucket').find(({ path }) => path === 'Storage/Cold')!;
  Resources.Renamed = Resources[bucket.id]!;
  delete Resources[bucket.id];
  const rule = resourcesOf(planted, 'AWS::IoT::TopicRule')[0]!.resource.Properties as { RuleName: string };
  rule.RuleName = 'another';
  const seen = changes(accepted, recordOf(planted));
  expect(seen.map((line) => line.replace(/: .*|;.*/, ''))).toEqual([
    'Ingest CriticalRule7741653E would be replaced',
    'Storage Cold39253134 is gone',
    'Storage IndexTable0C9C7D0C would be replaced',
    'Storage Renamed is not in the record',
  ]);
});
