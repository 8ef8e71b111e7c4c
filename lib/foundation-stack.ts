import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { stackNameOf } from '../core/cloud-names.ts';
import type { Fleet } from '../core/fleet.ts';
import { FleetKeys } from './foundation/fleet-keys.ts';
import { NodePolicy } from './foundation/node-policy.ts';
import { ThingGroups } from './foundation/thing-groups.ts';
import { PrivateBucket } from './private-bucket.ts';

/** What outlives all else: keys, the bucket of what devices fetch, the rights and groups of the nodes. */
export class FoundationStack extends Stack {
  readonly keys: FleetKeys;

  constructor(scope: Construct, props: { fleet: Fleet }) {
    const { fleet } = props;
    super(scope, stackNameOf(fleet.name, 'Foundation'), {
      description: `Headwater ${fleet.name}: keys, artifacts, rights and groups of the nodes`,
    });
    this.keys = new FleetKeys(this, 'Keys', { fleet: fleet.name });
    const artifacts = new PrivateBucket(this, 'Artifacts', {
      key: this.keys.data,
      // A device may be told to go back to what it ran before.
      versioned: true,
      lifecycleRules: [{ id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    const { policyName } = new NodePolicy(this, 'Node', { fleet: fleet.name });
    const { fleetGroupName } = new ThingGroups(this, 'Groups', { fleet });

    new CfnOutput(this, 'NodePolicyName', { value: policyName });
    new CfnOutput(this, 'FleetGroupName', { value: fleetGroupName });
    new CfnOutput(this, 'ArtifactBucketName', { value: artifacts.bucketName });
    new CfnOutput(this, 'DataKeyArn', { value: this.keys.data.keyArn });
    new CfnOutput(this, 'OperationsKeyArn', { value: this.keys.operations.keyArn });
  }
}
