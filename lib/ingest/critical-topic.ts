import * as iam from 'aws-cdk-lib/aws-iam';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Construct } from 'constructs';
import type { IngestVariables } from '../../lambdas/variables.ts';
import type { FleetKeys } from '../foundation/fleet-keys.ts';

/** Where critical records are told once they are stored. */
export class CriticalTopic extends Construct {
  readonly topic: sns.Topic;
  readonly #keys: FleetKeys;

  constructor(scope: Construct, id: string, props: { keys: FleetKeys; email: string | undefined }) {
    super(scope, id);
    this.#keys = props.keys;
    this.topic = new sns.Topic(this, 'Topic', { masterKey: props.keys.data, enforceSSL: true });
    if (props.email !== undefined) this.topic.addSubscription(new EmailSubscription(props.email));
  }

  grantPublish(role: iam.Role): Pick<IngestVariables, 'HEADWATER_CRITICAL_TOPIC_ARN'> {
    role.addToPolicy(new iam.PolicyStatement({ actions: ['sns:Publish'], resources: [this.topic.topicArn] }));
    this.#keys.grantData(role, 'sns', 'write');
    return { HEADWATER_CRITICAL_TOPIC_ARN: this.topic.topicArn };
  }
}
