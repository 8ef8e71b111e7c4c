import { CfnOutput, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { stackNameOf } from '../core/cloud-names.ts';
import type { Fleet } from '../core/fleet.ts';
import type { FoundationStack } from './foundation-stack.ts';
import { ColdBucket } from './storage/cold-bucket.ts';
import { ColdCatalog } from './storage/cold-catalog.ts';
import { IndexTable } from './storage/index-table.ts';
import { QueryWorkGroup } from './storage/query-workgroup.ts';

/** The store of record, its index, and the way to query it. */
export class StorageStack extends Stack {
  readonly cold: ColdBucket;
  readonly index: IndexTable;

  constructor(scope: Construct, props: { fleet: Fleet; foundation: FoundationStack }) {
    const { fleet, foundation } = props;
    super(scope, stackNameOf(fleet.name, 'Storage'), {
      description: `Headwater ${fleet.name}: records, index, tables, queries`,
    });
    const { keys } = foundation;
    this.cold = new ColdBucket(this, 'Cold', { keys });
    this.index = new IndexTable(this, 'Index', { keys });
    const { databaseName } = new ColdCatalog(this, 'Catalog', { fleet: fleet.name, bucket: this.cold });
    const { workGroupName, results } = new QueryWorkGroup(this, 'Queries', { fleet, keys, databaseName });

    new CfnOutput(this, 'ColdBucketName', { value: this.cold.bucketName });
    new CfnOutput(this, 'ResultsBucketName', { value: results.bucketName });
    new CfnOutput(this, 'TableName', { value: this.index.table.tableName });
    new CfnOutput(this, 'DatabaseName', { value: databaseName });
    new CfnOutput(this, 'WorkGroupName', { value: workGroupName });
  }
}
