import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { COLD_PREFIXES, type ColdPrefix } from '../../core/cold-layout.ts';
import type { IngestVariables } from '../../lambdas/variables.ts';
import type { FleetKeys } from '../foundation/fleet-keys.ts';
import { PrivateBucket } from '../private-bucket.ts';
import { acknowledgeWildcard } from '../wildcard.ts';

export interface ColdBucketProps {
  keys: FleetKeys;
}

export type BucketVariables = Pick<IngestVariables, 'HEADWATER_BUCKET'>;

/** The store of record. Each grant gives exactly what one function does, and tells it the bucket's name. */
export class ColdBucket extends PrivateBucket {
  readonly #keys: FleetKeys;

  constructor(scope: Construct, id: string, { keys }: ColdBucketProps) {
    super(scope, id, {
      key: keys.data,
      versioned: true,
      lifecycleRules: [
        { id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        // What was not landed stays longer than its message lives in the queue (14 days), so a retry finds it.
        {
          id: 'staging',
          prefix: COLD_PREFIXES.staging,
          expiration: Duration.days(30),
          noncurrentVersionExpiration: Duration.days(1),
        },
        // Records stay for ever. A version is replaced by the same bytes only (a copy done twice) or by mistake.
        { id: 'landing', prefix: COLD_PREFIXES.landing, noncurrentVersionExpiration: Duration.days(30) },
        // Derived: what is replaced or deleted can be made again.
        { id: 'partials', prefix: COLD_PREFIXES.partials, noncurrentVersionExpiration: Duration.days(1) },
        // Time enough for an operator to look.
        {
          id: 'aside',
          prefix: COLD_PREFIXES.aside,
          expiration: Duration.days(90),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    this.#keys = keys;
  }

  /** Stages, lands, deletes what it staged, puts aside. */
  grantIngest(role: iam.Role): BucketVariables {
    this.#grantLand(role);
    this.#grantList(role, ['staging']);
    this.#allow(role, ['s3:PutObject'], ['staging', 'aside']);
    return this.#variables;
  }

  /** Finishes what ingest began, and sees which landed objects have no partial. */
  grantSweep(role: iam.Role): BucketVariables {
    this.#grantLand(role);
    this.#grantList(role, ['staging', 'landing', 'partials']);
    return this.#variables;
  }

  /** Reads what landed, writes summaries. */
  grantAggregate(role: iam.Role): BucketVariables {
    this.#allow(role, ['s3:GetObject'], ['landing']);
    this.#allow(role, ['s3:PutObject'], ['partials']);
    this.#grantList(role, ['landing']);
    this.#keys.grantData(role, 's3', 'read');
    this.#keys.grantData(role, 's3', 'write');
    return this.#variables;
  }

  /** From staging to landing: a copy reads and writes. A batch that lost an object is taken back from both. */
  #grantLand(role: iam.Role): void {
    this.#allow(role, ['s3:GetObject'], ['staging']);
    this.#allow(role, ['s3:PutObject'], ['landing']);
    this.#allow(role, ['s3:DeleteObject'], ['staging', 'landing']);
    this.#keys.grantData(role, 's3', 'read');
    this.#keys.grantData(role, 's3', 'write');
  }

  /** Without it S3 answers 403 where an object is missing, which could not be told from a missing right. */
  #grantList(role: iam.Role, prefixes: readonly ColdPrefix[]): void {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [this.bucketArn],
        conditions: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${COLD_PREFIXES[prefix]}*`) } },
      }),
    );
  }

  #allow(role: iam.Role, actions: string[], prefixes: readonly ColdPrefix[]): void {
    const patterns = prefixes.map((prefix) => `${COLD_PREFIXES[prefix]}*`);
    const resources = patterns.map((pattern) => this.arnForObjects(pattern));
    role.addToPolicy(new iam.PolicyStatement({ actions, resources }));
    for (const pattern of patterns) {
      const reason = 'Keys hold days and ids that are not known beforehand; the prefix is the bound.';
      acknowledgeWildcard(role, `${this.#exportedArn}/${pattern}`, reason);
    }
  }

  /** The roles live in other stacks, which know the bucket by the name of this export. */
  get #exportedArn(): string {
    const stack = Stack.of(this);
    return (stack.resolve(stack.exportValue(this.bucketArn)) as { 'Fn::ImportValue': string })['Fn::ImportValue'];
  }

  get #variables(): BucketVariables {
    return { HEADWATER_BUCKET: this.bucketName };
  }
}
