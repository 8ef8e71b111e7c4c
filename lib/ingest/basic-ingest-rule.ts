import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as iot from 'aws-cdk-lib/aws-iot';
import { Construct } from 'constructs';
import { ruleNameOf } from '../../core/cloud-names.ts';
import type { TrafficClass } from '../../core/flow.ts';
import type { ErrorQueue, MessageQueue } from './message-queue.ts';

/**
 * No FROM: the rule is named in the topic (Basic Ingest). The payload is binary, which only `encode` carries; who sent
 * it is what the certificate says.
 */
export const RULE_SQL =
  "SELECT encode(*, 'base64') AS payload, clientid() AS client, topic() AS topic, timestamp() AS at";

export interface BasicIngestRuleProps {
  fleet: string;
  traffic: TrafficClass;
  to: MessageQueue;
  errors: ErrorQueue;
}

/** From the nodes' topics of one class into a queue. */
export class BasicIngestRule extends Construct {
  readonly ruleName: string;

  constructor(scope: Construct, id: string, { fleet, traffic, to, errors }: BasicIngestRuleProps) {
    super(scope, id);
    this.ruleName = ruleNameOf(fleet, traffic);
    const stack = Stack.of(this);
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('iot.amazonaws.com', {
        // No other rule, and no rule of another account, may borrow the role.
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account },
          ArnLike: { 'aws:SourceArn': stack.formatArn({ service: 'iot', resource: `rule/${this.ruleName}` }) },
        },
      }),
    });
    const sendTo = (queueUrl: string) => ({ sqs: { queueUrl, roleArn: role.roleArn, useBase64: false } });
    const rule = new iot.CfnTopicRule(this, 'Rule', {
      ruleName: this.ruleName,
      topicRulePayload: {
        description: `Headwater ${fleet}: ${traffic} messages of the nodes`,
        sql: RULE_SQL,
        awsIotSqlVersion: '2016-03-23',
        ruleDisabled: false,
        actions: [sendTo(to.grantSend(role))],
        errorAction: sendTo(errors.grantSend(role)),
      },
    });
    // A rule without its rights would lose messages although the broker took them.
    rule.node.addDependency(role);
  }
}
