import { RemovalPolicy } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { IngestVariables } from '../../lambdas/variables.ts';
import type { FleetKeys } from '../foundation/fleet-keys.ts';

export type TableVariables = Pick<IngestVariables, 'HEADWATER_TABLE'>;

/** DescribeTable: the table's id is the store's id, so that a restored table is another far side. */
const READ = ['dynamodb:BatchGetItem', 'dynamodb:DescribeTable', 'dynamodb:Query'];
/** A transaction is allowed by the rights of its parts. */
const CHANGE = ['dynamodb:DeleteItem', 'dynamodb:UpdateItem'];

/** The index of what is stored, and the ledger's counters. */
export class IndexTable extends Construct {
  readonly table: dynamodb.Table;
  readonly #keys: FleetKeys;

  constructor(scope: Construct, id: string, { keys }: { keys: FleetKeys }) {
    super(scope, id);
    this.#keys = keys;
    this.table = new dynamodb.Table(this, 'Table', {
      partitionKey: { name: 'pk', type: dynamodb.AttributeType.STRING },
      sortKey: { name: 'sk', type: dynamodb.AttributeType.STRING },
      // A fleet is silent for minutes and then speaks at once, above all after an outage.
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      // Hashes and finished batches; lanes and counters never carry it.
      timeToLiveAttribute: 'expires',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: keys.data,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** What the record store does: consistent reads and transactions. */
  grantStore(role: iam.Role): TableVariables {
    this.#allow(role, [...READ, ...CHANGE]);
    this.#keys.grantData(role, 'dynamodb', 'write');
    return { HEADWATER_TABLE: this.table.tableName };
  }

  grantRead(role: iam.Role): TableVariables {
    this.#allow(role, READ);
    this.#keys.grantData(role, 'dynamodb', 'read');
    return { HEADWATER_TABLE: this.table.tableName };
  }

  #allow(role: iam.Role, actions: string[]): void {
    role.addToPolicy(new iam.PolicyStatement({ actions, resources: [this.table.tableArn] }));
  }
}
