import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { nodesVariable } from '../../core/cloud-limits.ts';
import { metricNamespaceOf } from '../../core/cloud-names.ts';
import type { Fleet } from '../../core/fleet.ts';
import { type TrafficClass, topicOf } from '../../core/flow.ts';
import type { IngestVariables } from '../../lambdas/variables.ts';
import type { ColdBucket } from '../storage/cold-bucket.ts';
import type { IndexTable } from '../storage/index-table.ts';
import { acknowledgeWildcard } from '../wildcard.ts';
import { BasicIngestRule } from './basic-ingest-rule.ts';
import { BundledFunction, type FunctionSetting } from './bundled-function.ts';
import type { CriticalTopic } from './critical-topic.ts';
import { type ErrorQueue, MessageQueue } from './message-queue.ts';
import { trafficSettings } from './traffic-settings.ts';

export interface TrafficIngestProps extends FunctionSetting {
  fleet: Fleet;
  traffic: TrafficClass;
  cold: ColdBucket;
  index: IndexTable;
  landed: MessageQueue;
  errors: ErrorQueue;
  /** Only for the class that carries critical records. */
  critical?: CriticalTopic;
}

/** One traffic class, from the nodes' topics to the store and back with the answers: rule, queue, function. */
export class TrafficIngest extends Construct {
  readonly rule: BasicIngestRule;
  readonly messages: MessageQueue;
  readonly ingest: BundledFunction<IngestVariables>;

  constructor(scope: Construct, id: string, props: TrafficIngestProps) {
    super(scope, id);
    const { fleet, traffic, alarms, keys } = props;
    const settings = trafficSettings(traffic, fleet);
    const timeout = Duration.seconds(settings.timeoutSeconds);
    this.messages = new MessageQueue(this, 'Messages', {
      keys,
      alarms,
      functionTimeout: timeout,
      window: Duration.seconds(settings.windowSeconds),
      // The function itself puts aside what can never be taken; what else fails, fails for a time, so it stays.
      maxReceiveCount: 1_000,
      oldest: Duration.seconds(settings.oldestSeconds),
    });
    this.rule = new BasicIngestRule(this, 'Rule', {
      fleet: fleet.name,
      traffic,
      to: this.messages,
      errors: props.errors,
    });
    this.ingest = new BundledFunction(this, 'Ingest', {
      ...props,
      bundle: 'ingest',
      description: `Headwater ${fleet.name}: stores ${traffic} messages, then answers`,
      memoryMb: fleet.cloud.ingestMemory / 1024 ** 2,
      timeout,
      environment: (role) => ingestVariables(role, props),
    });
    this.messages.feed(this.ingest.function, settings);
    this.#countPutAside(fleet.name);
  }

  /** By the log: a message put aside is written there whatever becomes of the batch. */
  #countPutAside(fleet: string): void {
    new logs.MetricFilter(this, 'PutAside', {
      logGroup: this.ingest.log,
      filterPattern: logs.FilterPattern.anyTerm(...PUT_ASIDE_LINES),
      metricNamespace: metricNamespaceOf(fleet),
      metricName: PUT_ASIDE_METRIC,
      metricValue: '1',
      defaultValue: 0,
    });
  }
}

/** As lambdas/ingest writes them: what can never be taken, and what the queue handed out too often. */
export const PUT_ASIDE_LINES = ['message refused and put aside', 'messages of the queue put aside'];
export const PUT_ASIDE_METRIC = 'PutAside';

function ingestVariables(
  role: iam.Role,
  { fleet, traffic, cold, index, landed, critical }: TrafficIngestProps,
): IngestVariables {
  grantAnswer(role);
  return {
    HEADWATER_FLEET: fleet.name,
    HEADWATER_NODES: nodesVariable(fleet),
    HEADWATER_TRAFFIC: traffic,
    ...cold.grantIngest(role),
    ...index.grantStore(role),
    HEADWATER_LANDED_QUEUE_URL: landed.grantSend(role),
    ...critical?.grantPublish(role),
  };
}

function grantAnswer(role: iam.Role): void {
  const topic = `topic/${topicOf('answer', '*')}`;
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['iot:Publish'],
      resources: [Stack.of(role).formatArn({ service: 'iot', resource: topic })],
    }),
  );
  acknowledgeWildcard(
    role,
    `arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:${topic}`,
    'Any node may have sent the message, and nodes come and go without a deployment; only answers can be published.',
  );
}
