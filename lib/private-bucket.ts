import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

export interface PrivateBucketProps {
  key: kms.Key;
  versioned: boolean;
  lifecycleRules: s3.LifecycleRule[];
}

/** A bucket as all of ours are: encrypted with a bucket key, TLS only, nothing public, kept when the stack goes. */
export class PrivateBucket extends s3.Bucket {
  constructor(scope: Construct, id: string, { key, versioned, lifecycleRules }: PrivateBucketProps) {
    super(scope, id, {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: key,
      // One request to KMS per bucket and some minutes instead of one per object.
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned,
      lifecycleRules,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    // A bucket that is kept stays as closed as it was.
    this.policy?.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Who read which object is a matter of CloudTrail data events, which an account switches on for all its buckets; server access logs would need one more bucket, which cannot be encrypted with a KMS key.',
    });
  }
}
