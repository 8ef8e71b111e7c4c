import { Duration } from 'aws-cdk-lib';
import * as athena from 'aws-cdk-lib/aws-athena';
import { Construct } from 'constructs';
import { workGroupNameOf } from '../../core/cloud-names.ts';
import type { Fleet } from '../../core/fleet.ts';
import type { FleetKeys } from '../foundation/fleet-keys.ts';
import { PrivateBucket } from '../private-bucket.ts';
import { SHIPPED_QUERIES } from './shipped-queries.ts';

export interface QueryWorkGroupProps {
  fleet: Fleet;
  keys: FleetKeys;
  databaseName: string;
}

/** Where people query: its limits and encryption hold whatever a client asks for. */
export class QueryWorkGroup extends Construct {
  readonly workGroupName: string;
  /** Its own bucket: who may read an answer need not be able to read records. */
  readonly results: PrivateBucket;

  constructor(scope: Construct, id: string, { fleet, keys, databaseName }: QueryWorkGroupProps) {
    super(scope, id);
    this.workGroupName = workGroupNameOf(fleet.name);
    this.results = new PrivateBucket(this, 'Results', {
      key: keys.data,
      // Answers can be asked for again.
      versioned: false,
      lifecycleRules: [
        { id: 'answers', expiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    const workGroup = new athena.CfnWorkGroup(this, 'WorkGroup', {
      name: this.workGroupName,
      description: `Headwater ${fleet.name}`,
      // Its history goes with the stack; without this a workgroup in use could not be deleted.
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: fleet.cloud.scanLimit,
        resultConfiguration: {
          outputLocation: this.results.s3UrlForObject('answers/'),
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKey: keys.data.keyArn },
        },
      },
    });
    for (const { name, description, sql } of SHIPPED_QUERIES) {
      new athena.CfnNamedQuery(this, `Query-${name}`, {
        name,
        description,
        database: databaseName,
        workGroup: this.workGroupName,
        queryString: sql,
      }).addResourceDependency(workGroup);
    }
  }
}
