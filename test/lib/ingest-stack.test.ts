import { describe, expect, test } from '@jest/globals';
import type * as z from 'zod';
import { MAX_ENVELOPE_BYTES } from '../../core/envelope.ts';
import {
  aggregateVariables,
  compareVariables,
  ingestVariables,
  readVariables,
  sweepVariables,
} from '../../lambdas/variables.ts';
import { RULE_SQL } from '../../lib/ingest/basic-ingest-rule.ts';
import { PUT_ASIDE_LINES } from '../../lib/ingest/traffic-ingest.ts';
import { concurrency, LARGEST_BATCH, trafficSettings } from '../../lib/ingest/traffic-settings.ts';
import { readText } from '../docs/pages.ts';
import {
  fleetFile,
  type Json,
  type JsonObject,
  type Placed,
  resourcesOf,
  synthesise,
} from '../helpers/fleet-templates.ts';
import { textOf } from '../helpers/rights.ts';

const small = await fleetFile('small-factory');
const fleet = synthesise({ ...small, cloud: { ...small.cloud, alarmEmail: 'plant@example.com', logDays: 90 } });

const properties = ({ resource }: Placed): JsonObject => resource.Properties ?? {};
const byPath = (path: string): JsonObject => properties(resourcesOf(fleet).find((placed) => placed.path === path)!);
const text = (value: Json): string => textOf(fleet, 'Ingest', value);
const byPathOf = (type: string): [string, JsonObject][] =>
  resourcesOf(fleet, type).map((placed) => [placed.path, properties(placed)]);

describe('topic rules', () => {
  /** Seen to work in the emulator; what it does not know it leaves out silently. */
  const SEEN_TO_WORK = ['encode', 'topic', 'clientid', 'principal', 'timestamp', 'newuuid', 'traceid'];
  const KEYWORDS = ['SELECT', 'AS'];

  /** Words of the SQL that are neither, without what stands in quotes and the names that results are given. */
  const unknownWords = (sql: string): string[] => {
    const words =
      sql
        .replace(/'[^']*'/g, '')
        .replace(/\bAS \w+/g, 'AS')
        .match(/[A-Za-z_]\w*/g) ?? [];
    return words.filter((word) => !SEEN_TO_WORK.includes(word) && !KEYWORDS.includes(word));
  };

  test('use only functions that are seen to work', () => {
    for (const [, { TopicRulePayload }] of byPathOf('AWS::IoT::TopicRule')) {
      expect(unknownWords((TopicRulePayload as JsonObject).Sql as string)).toEqual([]);
    }
    expect(unknownWords("SELECT encode(*, 'base64') AS a, accountid() AS b, md5(c) AS d WHERE e")).toEqual([
      'accountid',
      'md5',
      'c',
      'WHERE',
      'e',
    ]);
  });

  test('put each message into the queue of their class, and what fails into the error queue', () => {
    const rules = byPathOf('AWS::IoT::TopicRule').map(([path, { RuleName, TopicRulePayload }]) => {
      const { Sql, Actions, ErrorAction, ...rest } = TopicRulePayload as JsonObject;
      const target = (action: Json) => text(((action as JsonObject).Sqs as JsonObject).QueueUrl!);
      return [
        path,
        RuleName,
        Sql === RULE_SQL,
        (Actions as Json[]).map(target),
        target(ErrorAction!),
        rest.RuleDisabled,
      ];
    });
    expect(rules).toEqual(
      ['Critical', 'Bulk'].map((name) => [
        `Ingest/${name}/Rule/Rule`,
        `headwater_small_factory_${name.toLowerCase()}`,
        true,
        [`Ingest/${name}/Messages/Queue`],
        'Ingest/RuleErrors/Queue',
        false,
      ]),
    );
  });
});

describe('functions', () => {
  test('run on Node 24, arm64, and write to a log of their own that is bounded', () => {
    const functions = byPathOf('AWS::Lambda::Function');
    expect(functions).toHaveLength(5);
    for (const [path, { Runtime, Architectures, Handler, LoggingConfig, Role }] of functions) {
      const own = path.replace(/Function$/, '');
      expect([Runtime, Architectures, Handler]).toEqual(['nodejs24.x', ['arm64'], 'index.handler']);
      expect(text((LoggingConfig as JsonObject).LogGroup!)).toBe(`${own}Log`);
      expect(text(Role!)).toBe(`${own}Role`);
      expect(byPath(`${own}Log`).RetentionInDays).toBe(90);
    }
  });

  test('none reserves concurrency', () => {
    expect(byPathOf('AWS::Lambda::Function').filter(([, f]) => f.ReservedConcurrentExecutions !== undefined)).toEqual(
      [],
    );
  });

  const SHAPES: Record<string, z.ZodType> = {
    'Ingest/Critical/Ingest/Function': ingestVariables,
    'Ingest/Bulk/Ingest/Function': ingestVariables,
    'Ingest/Summaries/Aggregate/Function': aggregateVariables,
    'Ingest/Sweeping/Sweep/Function': sweepVariables,
    'Ingest/Comparing/Compare/Function': compareVariables,
  };
  const environments = byPathOf('AWS::Lambda::Function').map(
    ([path, { Environment }]): [string, Record<string, string>] => {
      const { Variables } = Environment as { Variables: JsonObject };
      return [path, Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, text(value)]))];
    },
  );

  test.each(environments)('%s finds in its environment what it reads, and nothing else', (path, variables) => {
    expect(() => readVariables(SHAPES[path]!, variables)).not.toThrow();
    const { shape } = SHAPES[path] as z.ZodObject;
    expect(Object.keys(variables).filter((name) => !(name in shape))).toEqual([]);
  });

  test('only ingest of critical messages knows the topic of critical records', () => {
    const told = environments.filter(([, variables]) => variables.HEADWATER_CRITICAL_TOPIC_ARN !== undefined);
    expect(told.map(([path, variables]) => [path, variables.HEADWATER_TRAFFIC])).toEqual([
      ['Ingest/Critical/Ingest/Function', 'critical'],
    ]);
  });
});

describe('queues', () => {
  const feeds = byPathOf('AWS::Lambda::EventSourceMapping').map(([path, feed]) => {
    const queue = text(feed.EventSourceArn!);
    const worker = text(feed.FunctionName!);
    return { path, feed, queue: byPath(queue), worker: byPath(worker) };
  });

  test('a message stays invisible six times as long as its function may run, and the time of collecting', () => {
    for (const { path, feed, queue, worker } of feeds) {
      const window = Number(feed.MaximumBatchingWindowInSeconds ?? 0);
      expect([path, queue.VisibilityTimeout]).toEqual([path, 6 * Number(worker.Timeout) + window]);
    }
  });

  test('only failed messages of a batch come again, and concurrency is bound at the queue', () => {
    for (const { feed } of feeds) {
      expect(feed.FunctionResponseTypes).toEqual(['ReportBatchItemFailures']);
      expect(Number((feed.ScalingConfig as JsonObject).MaximumConcurrency)).toBeGreaterThanOrEqual(2);
    }
  });

  test('critical messages are not collected; bulk messages are, as the fleet file says', () => {
    const windows = feeds.map(({ path, feed }) => [path, feed.MaximumBatchingWindowInSeconds, feed.BatchSize]);
    expect(windows).toEqual([
      ['Ingest/Summaries/Landed/Feed', undefined, 2],
      ['Ingest/Critical/Messages/Feed', undefined, 10],
      ['Ingest/Bulk/Messages/Feed', 20, LARGEST_BATCH],
    ]);
  });

  test('messages stay for 14 days, and envelopes go to the dead letters only after 1,000 tries', () => {
    const tries = byPathOf('AWS::SQS::Queue').map(([path, { MessageRetentionPeriod, RedrivePolicy }]) => {
      expect([path, MessageRetentionPeriod]).toEqual([path, 14 * 86_400]);
      const redrive = RedrivePolicy as JsonObject | undefined;
      return [path, redrive && [redrive.maxReceiveCount, text(redrive.deadLetterTargetArn!)]];
    });
    expect(Object.fromEntries(tries.filter(([, redrive]) => redrive !== undefined))).toEqual({
      'Ingest/Summaries/Landed/Queue': [5, 'Ingest/Summaries/Landed/DeadLetters'],
      'Ingest/Critical/Messages/Queue': [1000, 'Ingest/Critical/Messages/DeadLetters'],
      'Ingest/Bulk/Messages/Queue': [1000, 'Ingest/Bulk/Messages/DeadLetters'],
    });
  });
});

describe('settings of a traffic class', () => {
  test('the largest batch of the largest envelopes fits into an event of Lambda', () => {
    const message = {
      messageId: 'x'.repeat(36),
      receiptHandle: 'x'.repeat(500),
      body: JSON.stringify({
        payload: Buffer.alloc(MAX_ENVELOPE_BYTES).toString('base64'),
        client: 'n'.repeat(128),
        topic: 't'.repeat(256),
        at: 1_800_000_000_000,
      }),
      attributes: { ApproximateReceiveCount: '1000', SentTimestamp: 'x'.repeat(13), SenderId: 'x'.repeat(60) },
      messageAttributes: {},
      md5OfBody: 'x'.repeat(32),
      eventSource: 'aws:sqs',
      eventSourceARN: 'x'.repeat(200),
      awsRegion: 'x'.repeat(20),
    };
    const bytesOf = (count: number) => JSON.stringify({ Records: Array(count).fill(message) }).length;
    expect(bytesOf(LARGEST_BATCH)).toBeLessThanOrEqual(6 * 1024 ** 2);
    expect(bytesOf(LARGEST_BATCH + 2)).toBeGreaterThan(6 * 1024 ** 2);
  });

  test('without a window Lambda takes ten messages at most', () => {
    const settings = trafficSettings('bulk', { ...small, cloud: { ...small.cloud, bulkWindow: 0 } });
    expect([settings.windowSeconds, settings.batchSize]).toEqual([0, 10]);
  });

  test('concurrency grows with the fleet, within what Lambda takes', () => {
    expect([1, 25, 26, 500, 1e6].map((nodes) => concurrency(nodes, 25))).toEqual([3, 3, 4, 22, 1000]);
  });
});

describe('alarms', () => {
  const alarms = byPathOf('AWS::CloudWatch::Alarm');

  test('all speak to the alarm topic, which the operator hears', () => {
    for (const [path, { AlarmActions }] of alarms) {
      expect([path, (AlarmActions as Json[]).map(text)]).toEqual([path, ['Ingest/Alarms/Topic']]);
    }
    const subscriptions = byPathOf('AWS::SNS::Subscription').map(([, { TopicArn, Endpoint }]) => [
      text(TopicArn!),
      Endpoint,
    ]);
    expect(subscriptions.sort()).toEqual([
      ['Ingest/Alarms/Topic', 'plant@example.com'],
      ['Ingest/CriticalRecords/Topic', 'plant@example.com'],
    ]);
  });

  test('watch what the design names', () => {
    const watched = alarms.map(
      ([path, { MetricName, Threshold, Namespace }]) => `${path}: ${Namespace} ${MetricName} > ${Threshold}`,
    );
    const functions = ['Summaries/Aggregate', 'Critical/Ingest', 'Bulk/Ingest', 'Sweeping/Sweep', 'Comparing/Compare'];
    expect(watched.sort()).toEqual(
      [
        ...functions.flatMap((name) => [
          `Ingest/${name}/Errors: AWS/Lambda Errors > 0`,
          `Ingest/${name}/Throttles: AWS/Lambda Throttles > 0`,
        ]),
        ...['Summaries/Landed', 'Critical/Messages', 'Bulk/Messages'].map(
          (name) => `Ingest/${name}/Waiting: AWS/SQS ApproximateNumberOfMessagesVisible > 0`,
        ),
        'Ingest/RuleErrors/Waiting: AWS/SQS ApproximateNumberOfMessagesVisible > 0',
        'Ingest/Summaries/Landed/Oldest: AWS/SQS ApproximateAgeOfOldestMessage > 3600',
        'Ingest/Critical/Messages/Oldest: AWS/SQS ApproximateAgeOfOldestMessage > 300',
        'Ingest/Bulk/Messages/Oldest: AWS/SQS ApproximateAgeOfOldestMessage > 1800',
        'Ingest/Comparing/Difference: Headwater/small-factory LedgerDifference > 0',
        'Ingest/PutAside: Headwater/small-factory PutAside > 0',
      ].sort(),
    );
  });

  test('a comparison that falls silent is told as well', () => {
    const { TreatMissingData, InsufficientDataActions, Dimensions } = byPath('Ingest/Comparing/Difference');
    expect([TreatMissingData, (InsufficientDataActions as Json[]).map(text), Dimensions]).toEqual([
      'missing',
      ['Ingest/Alarms/Topic'],
      undefined,
    ]);
  });

  test('what is put aside is counted by the lines that ingest writes', () => {
    const code = ['handler', 'queue-batch'].map((name) => readText(`lambdas/ingest/${name}.ts`)).join('');
    const lines = [...code.matchAll(/'([^']*put aside)'/g)]
      .map(([, line]) => line!)
      .filter((line) => !/not be/.test(line));
    expect(lines.sort()).toEqual([...PUT_ASIDE_LINES].sort());
    for (const name of ['Critical', 'Bulk']) {
      const { FilterPattern, LogGroupName, MetricTransformations } = byPath(`Ingest/${name}/PutAside`);
      expect([FilterPattern, text(LogGroupName!)]).toEqual([
        PUT_ASIDE_LINES.map((line) => `?"${line}"`).join(' '),
        `Ingest/${name}/Ingest/Log`,
      ]);
      expect(MetricTransformations).toEqual([
        { MetricNamespace: 'Headwater/small-factory', MetricName: 'PutAside', MetricValue: '1', DefaultValue: 0 },
      ]);
    }
  });
});
