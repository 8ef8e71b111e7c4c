import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { FleetKeys } from '../foundation/fleet-keys.ts';

export interface AlarmsProps {
  keys: FleetKeys;
  /** Told of every alarm. @default nobody: the topic has no subscriber */
  email: string | undefined;
}

export interface Watch {
  metric: cloudwatch.Metric;
  /** The alarm rings above it. @default 0 */
  above?: number;
  /** What it means and what to look at first. */
  description: string;
  /** Silence is a fault too: who should report every period is told of as well. @default false */
  silence?: boolean;
}

/** The topic that all alarms of the fleet speak to, and the one way to make such an alarm. */
export class Alarms extends Construct {
  readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, { keys, email }: AlarmsProps) {
    super(scope, id);
    this.topic = new sns.Topic(this, 'Topic', { masterKey: keys.operations, enforceSSL: true });
    // The topic's policy takes the place of the default one, which let the account's alarms in.
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (email !== undefined) this.topic.addSubscription(new EmailSubscription(email));
  }

  /** Rings when the metric was above the bound in one of three periods: a short fault is a fault. */
  watch(scope: Construct, id: string, { metric, above = 0, description, silence = false }: Watch): void {
    const { MISSING, NOT_BREACHING } = cloudwatch.TreatMissingData;
    const alarm = new cloudwatch.Alarm(scope, id, {
      metric,
      alarmDescription: description,
      threshold: above,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 3,
      datapointsToAlarm: 1,
      treatMissingData: silence ? MISSING : NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    // An alarm begins without data, so only data that ceases to come is told.
    if (silence) alarm.addInsufficientDataAction(new SnsAction(this.topic));
  }
}

/** The period of all alarms' metrics. */
export const ALARM_PERIOD = Duration.minutes(5);
