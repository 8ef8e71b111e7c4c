import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { FleetKeys } from '../foundation/fleet-keys.ts';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';

export interface MessageQueueProps {
  keys: FleetKeys;
  alarms: Alarms;
  /** The longest that its function may work on a batch. */
  functionTimeout: Duration;
  /** How long a batch may be collected. @default not at all */
  window?: Duration;
  /** Then a message goes to the dead letters. */
  maxReceiveCount: number;
  /** The alarm rings when the oldest message has waited longer. */
  oldest: Duration;
}

/** How a function is fed. */
export interface Feed {
  batchSize: number;
  /** At most so many copies of the function at once. At least 2: Lambda takes no less. */
  maxConcurrency: number;
}

/** The longest that SQS keeps a message. */
const RETENTION = Duration.days(14);

/** A queue with its dead letters: encrypted, TLS only, kept, and watched. */
export class MessageQueue extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;
  readonly #props: MessageQueueProps;

  constructor(scope: Construct, id: string, props: MessageQueueProps) {
    super(scope, id);
    this.#props = props;
    const { keys, alarms, functionTimeout, window = Duration.seconds(0), maxReceiveCount, oldest } = props;
    this.deadLetters = encryptedQueue(this, 'DeadLetters', keys);
    this.queue = encryptedQueue(this, 'Queue', keys, {
      // Six times, so that a throttled function may try again before others see the message:
      // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
      visibilityTimeout: Duration.seconds(6 * functionTimeout.toSeconds() + window.toSeconds()),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount },
    });
    watchForMessages(
      alarms,
      this,
      this.deadLetters,
      `${this.node.path}: messages were given up. Look at the function's log.`,
    );
    alarms.watch(this, 'Oldest', {
      metric: this.queue.metricApproximateAgeOfOldestMessage({ period: ALARM_PERIOD }),
      above: oldest.toSeconds(),
      description: `${this.node.path}: a message waits longer than ${oldest.toHumanString()}. Look at the function's errors.`,
    });
  }

  /** The right to send, and where. */
  grantSend(role: iam.Role): string {
    grantSend(role, this.queue, this.#props.keys);
    return this.queue.queueUrl;
  }

  /**
   * Starts a function with batches of messages. Only the failed messages of a batch come again. Its concurrency is
   * bound here and never reserved: reserved concurrency throttles, and each throttled batch counts as received.
   */
  feed(to: lambda.Function, { batchSize, maxConcurrency }: Feed): void {
    const { keys, window = Duration.seconds(0) } = this.#props;
    const role = to.role as iam.Role;
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'],
        resources: [this.queue.queueArn],
      }),
    );
    keys.grantData(role, 'sqs', 'read');
    new lambda.EventSourceMapping(this, 'Feed', {
      target: to,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      ...(window.toSeconds() > 0 && { maxBatchingWindow: window }),
      maxConcurrency,
      reportBatchItemFailures: true,
    });
  }
}

/** Where a rule puts what it could not deliver. */
export class ErrorQueue extends Construct {
  readonly queue: sqs.Queue;
  readonly #keys: FleetKeys;

  constructor(scope: Construct, id: string, { keys, alarms }: { keys: FleetKeys; alarms: Alarms }) {
    super(scope, id);
    this.#keys = keys;
    this.queue = encryptedQueue(this, 'Queue', keys);
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'Nothing reads it but people, so nothing can fail often enough to need dead letters.',
    });
    watchForMessages(alarms, this, this.queue, 'A rule could not hand over a message. The messages say why.');
  }

  grantSend(role: iam.Role): string {
    grantSend(role, this.queue, this.#keys);
    return this.queue.queueUrl;
  }
}

const encryptedQueue = (scope: Construct, id: string, keys: FleetKeys, props: sqs.QueueProps = {}): sqs.Queue =>
  new sqs.Queue(scope, id, {
    ...props,
    encryption: sqs.QueueEncryption.KMS,
    encryptionMasterKey: keys.data,
    enforceSSL: true,
    retentionPeriod: RETENTION,
    // Messages that wait are data that nodes may not have any more.
    removalPolicy: RemovalPolicy.RETAIN,
  });

function grantSend(role: iam.Role, queue: sqs.Queue, keys: FleetKeys): void {
  role.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] }));
  keys.grantData(role, 'sqs', 'write');
}

function watchForMessages(alarms: Alarms, scope: Construct, queue: sqs.Queue, description: string): void {
  const metric = queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: ALARM_PERIOD });
  alarms.watch(scope, 'Waiting', { metric, description });
}
