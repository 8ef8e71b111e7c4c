import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

/** Services through which a role may use the data key; never by a call of its own. */
type Through = 's3' | 'dynamodb' | 'sqs' | 'sns';

/**
 * What a service asks KMS for in the caller's name. DynamoDB:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
 */
const USES: Readonly<Record<Through, Readonly<Record<'read' | 'write', readonly string[]>>>> = {
  s3: { read: ['kms:Decrypt'], write: ['kms:GenerateDataKey'] },
  dynamodb: {
    read: ['kms:Decrypt', 'kms:DescribeKey'],
    write: [
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ],
  },
  sqs: { read: ['kms:Decrypt'], write: ['kms:Decrypt', 'kms:GenerateDataKey'] },
  sns: { read: ['kms:Decrypt'], write: ['kms:Decrypt', 'kms:GenerateDataKey'] },
};

/**
 * Two keys: `data` encrypts what nodes said, and only roles of this fleet may use it; `operations` encrypts logs and
 * alarms, which two AWS services must use by themselves and which must not open the data.
 */
export class FleetKeys extends Construct {
  readonly data: kms.Key;
  readonly operations: kms.Key;

  constructor(scope: Construct, id: string, props: { fleet: string }) {
    super(scope, id);
    this.data = fleetKey(this, 'Data', `headwater/${props.fleet}/data`, 'Records, index and messages of the fleet');
    this.operations = fleetKey(this, 'Operations', `headwater/${props.fleet}/operations`, 'Logs and alarms');
    const { account, region, partition } = Stack.of(this);
    this.operations.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)],
        actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
        resources: ['*'],
        conditions: {
          ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` },
        },
      }),
    );
    this.operations.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
    );
  }

  /** Lets a role read or write encrypted data through one service. */
  grantData(role: iam.Role, through: Through, use: 'read' | 'write'): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: [...USES[through][use]],
        resources: [this.data.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `${through}.${Stack.of(this).region}.amazonaws.com` } },
      }),
    );
  }
}

/** Retained: without its key nothing that it encrypted can ever be read again. */
const fleetKey = (scope: Construct, id: string, alias: string, description: string): kms.Key =>
  new kms.Key(scope, id, { alias, description, enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN });
