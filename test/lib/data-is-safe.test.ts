import { describe, expect, test } from '@jest/globals';
import {
  fleetFile,
  type Json,
  type JsonObject,
  type Placed,
  resourcesOf,
  type Synthesised,
  synthesise,
} from '../helpers/fleet-templates.ts';
import { statementsOf, textOf } from '../helpers/rights.ts';

const fleet = synthesise(await fleetFile('small-factory'));

const properties = ({ resource }: Placed): JsonObject => resource.Properties ?? {};
const all = (type: string): Placed[] => {
  const found = resourcesOf(fleet, type);
  if (found.length === 0) throw new Error(`there is no ${type}: this test would prove nothing`);
  return found;
};
const paths = (placed: readonly Placed[]): string[] => placed.map(({ path }) => path);

/** Types that hold what cannot be made again, and types that do not. A new type must be put into one of them. */
const HOLDS_DATA = [
  'AWS::DynamoDB::Table',
  'AWS::KMS::Key',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  // A bucket that is kept must stay closed.
  'AWS::S3::BucketPolicy',
  'AWS::SQS::Queue',
];
const IS_MADE_AGAIN = [
  'AWS::Athena::NamedQuery',
  'AWS::Athena::WorkGroup',
  'AWS::CloudWatch::Alarm',
  'AWS::Glue::Database',
  'AWS::Glue::Table',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::IoT::Policy',
  'AWS::IoT::ThingGroup',
  'AWS::IoT::TopicRule',
  'AWS::KMS::Alias',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Logs::MetricFilter',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::Schedule',
];

describe('what holds data is kept', () => {
  test('when its stack goes, and when it is replaced', () => {
    const kept = resourcesOf(fleet).filter(({ resource }) => HOLDS_DATA.includes(resource.Type));
    const lost = kept.filter(
      ({ resource }) => resource.DeletionPolicy !== 'Retain' || resource.UpdateReplacePolicy !== 'Retain',
    );
    expect(paths(lost)).toEqual([]);
    expect(kept.length).toBeGreaterThan(15);
  });

  test('every type is known to hold data or not', () => {
    const types = new Set(resourcesOf(fleet).map(({ resource }) => resource.Type));
    expect([...types].filter((type) => !HOLDS_DATA.includes(type) && !IS_MADE_AGAIN.includes(type))).toEqual([]);
  });

  test('the index cannot be deleted by hand either, and any second of the last 35 days can be restored', () => {
    for (const table of all('AWS::DynamoDB::Table')) {
      expect(properties(table)).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
        BillingMode: 'PAY_PER_REQUEST',
      });
    }
  });

  test('records are never deleted by a lifecycle; staged and put aside ones are, after their time', () => {
    const cold = all('AWS::S3::Bucket').find(({ path }) => path === 'Storage/Cold')!;
    const { Rules } = properties(cold).LifecycleConfiguration as { Rules: JsonObject[] };
    expect(Object.fromEntries(Rules.map(({ Id, ...rule }) => [Id, rule]))).toEqual({
      unfinished: { Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
      staging: {
        Status: 'Enabled',
        Prefix: 'staging/',
        ExpirationInDays: 30,
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      },
      landing: { Status: 'Enabled', Prefix: 'landing/', NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
      partials: { Status: 'Enabled', Prefix: 'partials/', NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
      aside: {
        Status: 'Enabled',
        Prefix: 'aside/',
        ExpirationInDays: 90,
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      },
    });
    expect(properties(cold).VersioningConfiguration).toEqual({ Status: 'Enabled' });
  });
});

describe('everything is encrypted, with keys of the fleet', () => {
  const DATA = 'Foundation/Keys/Data';
  const OPERATIONS = 'Foundation/Keys/Operations';
  const keyOf = (placed: Placed, ...where: (string | number)[]): string => {
    const value = where.reduce<Json | undefined>((json, step) => (json as JsonObject)?.[step], properties(placed));
    return value === undefined ? 'none' : textOf(fleet, placed.stack, value);
  };
  const keys = (type: string, ...where: (string | number)[]): Record<string, string> =>
    Object.fromEntries(all(type).map((placed) => [placed.path, keyOf(placed, ...where)]));

  test('buckets, with a bucket key', () => {
    const rule = ['BucketEncryption', 'ServerSideEncryptionConfiguration', 0];
    const found = keys('AWS::S3::Bucket', ...rule, 'ServerSideEncryptionByDefault', 'KMSMasterKeyID');
    expect(new Set(Object.values(found))).toEqual(new Set([DATA]));
    expect(new Set(Object.values(keys('AWS::S3::Bucket', ...rule, 'BucketKeyEnabled')))).toEqual(new Set(['true']));
  });

  test('table, queues, topics, logs, query results', () => {
    const table = keys('AWS::DynamoDB::Table', 'SSESpecification', 'KMSMasterKeyId');
    const queues = keys('AWS::SQS::Queue', 'KmsMasterKeyId');
    const results = keys(
      'AWS::Athena::WorkGroup',
      'WorkGroupConfiguration',
      'ResultConfiguration',
      'EncryptionConfiguration',
      'KmsKey',
    );
    expect(new Set(Object.values({ ...table, ...queues, ...results }))).toEqual(new Set([DATA]));
    expect(new Set(Object.values(keys('AWS::Logs::LogGroup', 'KmsKeyId')))).toEqual(new Set([OPERATIONS]));
    expect(keys('AWS::SNS::Topic', 'KmsMasterKeyId')).toEqual({
      'Ingest/Alarms/Topic': OPERATIONS,
      'Ingest/CriticalRecords/Topic': DATA,
    });
  });

  test('and the keys are renewed each year', () => {
    expect(all('AWS::KMS::Key').map((key) => properties(key).EnableKeyRotation)).toEqual([true, true]);
  });
});

describe('nothing is public', () => {
  test('buckets refuse public policies and lists', () => {
    for (const bucket of all('AWS::S3::Bucket')) {
      expect(properties(bucket)).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      });
    }
  });

  test('no resource lets everybody in', () => {
    const open = (synthesised: Synthesised) =>
      statementsOf(synthesised).filter(({ effect, who }) => effect === 'Allow' && who === '*');
    expect(open(fleet)).toEqual([]);
    const planted = structuredClone(fleet);
    const topic = resourcesOf(planted, 'AWS::SNS::TopicPolicy')[0]!;
    const { Statement } = topic.resource.Properties!.PolicyDocument as { Statement: JsonObject[] };
    Statement.push({ Effect: 'Allow', Principal: '*', Action: 'sns:Publish', Resource: '*' });
    expect(open(planted)).toHaveLength(1);
  });
});

test('buckets, queues and topics refuse whoever comes without TLS', () => {
  const closed = statementsOf(fleet).filter(
    ({ effect, who, only }) => effect === 'Deny' && who === '*' && only === 'aws:SecureTransport false',
  );
  const closedResources = new Set(closed.flatMap(({ resources }) => resources));
  const expected = ['AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::SNS::Topic'].flatMap((type) => paths(all(type)));
  expect(expected.filter((path) => !closedResources.has(path))).toEqual([]);
  expect(expected.length).toBeGreaterThan(11);
});
