import { CfnOutput, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { metricNamespaceOf, stackNameOf } from '../core/cloud-names.ts';
import type { Fleet } from '../core/fleet.ts';
import type { FoundationStack } from './foundation-stack.ts';
import { ALARM_PERIOD, Alarms } from './ingest/alarms.ts';
import { Compare } from './ingest/compare.ts';
import { CriticalTopic } from './ingest/critical-topic.ts';
import { LandedAggregate } from './ingest/landed-aggregate.ts';
import { ErrorQueue } from './ingest/message-queue.ts';
import { Sweep } from './ingest/sweep.ts';
import { PUT_ASIDE_METRIC, TrafficIngest } from './ingest/traffic-ingest.ts';
import type { StorageStack } from './storage-stack.ts';

export interface IngestStackProps {
  fleet: Fleet;
  foundation: FoundationStack;
  storage: StorageStack;
  /** Folder with one folder per function's bundle. */
  bundles: string;
}

/** The way in: rules, queues, functions, and the alarms about them. */
export class IngestStack extends Stack {
  constructor(scope: Construct, { fleet, foundation, storage, bundles }: IngestStackProps) {
    super(scope, stackNameOf(fleet.name, 'Ingest'), {
      description: `Headwater ${fleet.name}: from the nodes' topics to the store, and the answers`,
    });
    const { keys } = foundation;
    const { cold, index } = storage;
    const email = fleet.cloud.alarmEmail;
    const alarms = new Alarms(this, 'Alarms', { keys, email });
    const setting = { fleet, bundles, keys, logDays: fleet.cloud.logDays, alarms };

    const errors = new ErrorQueue(this, 'RuleErrors', { keys, alarms });
    const critical = new CriticalTopic(this, 'CriticalRecords', { keys, email });
    const { landed, aggregate } = new LandedAggregate(this, 'Summaries', { ...setting, cold });
    const store = { ...setting, cold, index, landed };
    const lanes = {
      Critical: new TrafficIngest(this, 'Critical', { ...store, errors, traffic: 'critical', critical }),
      Bulk: new TrafficIngest(this, 'Bulk', { ...store, errors, traffic: 'bulk' }),
    };
    const { sweep } = new Sweep(this, 'Sweeping', store);
    const { compare } = new Compare(this, 'Comparing', { ...setting, index });
    alarms.watch(this, 'PutAside', {
      metric: new cloudwatch.Metric({
        namespace: metricNamespaceOf(fleet.name),
        metricName: PUT_ASIDE_METRIC,
        statistic: 'Sum',
        period: ALARM_PERIOD,
      }),
      description: 'Messages that can never be taken were put aside. The query put-aside shows them.',
    });

    const output = (name: string, value: string) => new CfnOutput(this, name, { value });
    for (const [name, { rule, messages, ingest }] of Object.entries(lanes)) {
      output(`${name}RuleName`, rule.ruleName);
      output(`${name}QueueUrl`, messages.queue.queueUrl);
      output(`${name}DeadLetterQueueUrl`, messages.deadLetters.queueUrl);
      output(`${name}FunctionName`, ingest.function.functionName);
    }
    output('LandedQueueUrl', landed.queue.queueUrl);
    output('LandedDeadLetterQueueUrl', landed.deadLetters.queueUrl);
    output('ErrorQueueUrl', errors.queue.queueUrl);
    output('AggregateFunctionName', aggregate.function.functionName);
    output('SweepFunctionName', sweep.function.functionName);
    output('CompareFunctionName', compare.function.functionName);
    output('CriticalTopicArn', critical.topic.topicArn);
    output('AlarmTopicArn', alarms.topic.topicArn);
  }
}
