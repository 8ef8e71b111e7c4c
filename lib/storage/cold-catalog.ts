import { Stack } from 'aws-cdk-lib';
import * as glue from 'aws-cdk-lib/aws-glue';
import { Construct } from 'constructs';
import { databaseNameOf } from '../../core/cloud-names.ts';
import { COLD_TABLES, type ColdTable, DT_PROJECTION } from '../../core/cold-tables.ts';
import type { ColdBucket } from './cold-bucket.ts';

/** How Athena reads a format. */
const FORMATS: Readonly<Record<ColdTable['format'], { input: string; output: string; library: string }>> = {
  parquet: {
    input: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat',
    library: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
  },
  json: {
    input: 'org.apache.hadoop.mapred.TextInputFormat',
    output: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
    library: 'org.openx.data.jsonserde.JsonSerDe',
  },
};

/**
 * The tables over the cold bucket. They are definitions only, made anew by any deployment, so unlike the objects that
 * they describe they go with the stack.
 */
export class ColdCatalog extends Construct {
  readonly databaseName: string;
  readonly database: glue.CfnDatabase;

  constructor(scope: Construct, id: string, props: { fleet: string; bucket: ColdBucket }) {
    super(scope, id);
    this.databaseName = databaseNameOf(props.fleet);
    this.database = new glue.CfnDatabase(this, 'Database', {
      catalogId: Stack.of(this).account,
      databaseInput: { name: this.databaseName, description: `Headwater ${props.fleet}: what its nodes sent` },
    });
    for (const table of COLD_TABLES) this.#addTable(table, props.bucket);
  }

  #addTable({ name, prefix, format, columns }: ColdTable, bucket: ColdBucket): void {
    const location = bucket.s3UrlForObject(prefix);
    const { input, output, library } = FORMATS[format];
    new glue.CfnTable(this, `Table-${name}`, {
      catalogId: Stack.of(this).account,
      databaseName: this.databaseName,
      tableInput: {
        name,
        tableType: 'EXTERNAL_TABLE',
        partitionKeys: [{ name: 'dt', type: 'string' }],
        storageDescriptor: {
          location,
          columns: columns.map(([column, type]) => ({ name: column, type })),
          inputFormat: input,
          outputFormat: output,
          serdeInfo: { serializationLibrary: library },
        },
        // Athena computes the partitions instead of asking the catalog, so a day needs no registration.
        parameters: {
          EXTERNAL: 'TRUE',
          classification: format,
          'projection.enabled': 'true',
          'projection.dt.type': DT_PROJECTION.type,
          'projection.dt.format': DT_PROJECTION.format,
          'projection.dt.range': DT_PROJECTION.range,
          'projection.dt.interval': '1',
          'projection.dt.interval.unit': 'DAYS',
          'storage.location.template': `${location}dt=\${dt}/`,
        },
      },
    }).addResourceDependency(this.database);
  }
}
