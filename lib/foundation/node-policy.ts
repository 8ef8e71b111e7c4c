import { Stack } from 'aws-cdk-lib';
import * as iot from 'aws-cdk-lib/aws-iot';
import { Construct } from 'constructs';
import { basicIngestTopic, nodePolicyNameOf } from '../../core/cloud-names.ts';
import { FLOW, topicOf } from '../../core/flow.ts';

/** IoT replaces it by the name of the thing whose certificate opened the connection. */
const OWN_NAME = `\${iot:Connection.Thing.ThingName}`;

/**
 * What a plain node may do: connect under its own name, say what is its own, hear what is meant for it. One policy
 * serves all nodes, because the name is filled in at each request.
 * https://docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html
 */
export class NodePolicy extends Construct {
  readonly policyName: string;

  constructor(scope: Construct, id: string, props: { fleet: string }) {
    super(scope, id);
    this.policyName = nodePolicyNameOf(props.fleet);
    const arn = (resource: string): string => Stack.of(this).formatArn({ service: 'iot', resource });
    const published = FLOW.flatMap(({ from, hop }) =>
      from === 'node' ? [arn(`topic/${basicIngestTopic(props.fleet, hop, OWN_NAME)}`)] : [],
    );
    const heard = FLOW.filter(({ from }) => from === 'far-side').map(({ hop }) => topicOf(hop, OWN_NAME));
    new iot.CfnPolicy(this, 'Policy', {
      policyName: this.policyName,
      policyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: 'iot:Connect',
            Resource: arn(`client/${OWN_NAME}`),
            // Only then does the thing's name follow from the certificate, and not from what the client calls itself.
            Condition: { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
          },
          { Effect: 'Allow', Action: 'iot:Publish', Resource: published },
          { Effect: 'Allow', Action: 'iot:Subscribe', Resource: heard.map((topic) => arn(`topicfilter/${topic}`)) },
          { Effect: 'Allow', Action: 'iot:Receive', Resource: heard.map((topic) => arn(`topic/${topic}`)) },
        ],
      },
    });
  }
}
