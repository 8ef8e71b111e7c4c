import { COLD_PREFIXES, type ColdPrefix } from './cold-layout.ts';

/** Types as Glue names them; timestamps are INT64 milliseconds in the files (TIMESTAMP_MILLIS). */
export type ColdType = 'string' | 'timestamp' | 'double' | 'int' | 'bigint' | 'array<double>';

/** A table over objects of the cold bucket, partitioned by `dt` through partition projection. */
export interface ColdTable {
  name: Exclude<ColdPrefix, 'staging'>;
  prefix: string;
  format: 'parquet' | 'json';
  columns: readonly (readonly [name: string, type: ColdType])[];
}

/** One row of a stored record (core/stored-row.ts), in the order of the files' columns. */
export const LANDING_COLUMNS = [
  ['site', 'string'],
  ['node', 'string'],
  ['device', 'string'],
  ['stream', 'string'],
  ['ts', 'timestamp'],
  ['value', 'double'],
  ['text', 'string'],
  ['samples', 'array<double>'],
  ['quality', 'string'],
  ['clock', 'string'],
  ['lane', 'int'],
  ['producer', 'string'],
  ['epoch', 'string'],
  ['position', 'bigint'],
  ['stored_at', 'timestamp'],
] as const satisfies ColdTable['columns'];

/**
 * A partial summary: parts of one stream and minute are merged by adding counts and sums, taking extremes, and
 * combining m2 (Chan, Golub, LeVeque 1979). Last = greatest (ts, epoch, position).
 */
export const PARTIAL_COLUMNS = [
  ['site', 'string'],
  ['node', 'string'],
  ['device', 'string'],
  ['stream', 'string'],
  ['minute', 'timestamp'],
  ['count', 'bigint'],
  ['min', 'double'],
  ['max', 'double'],
  ['sum', 'double'],
  ['mean', 'double'],
  ['m2', 'double'],
  ['first_ts', 'timestamp'],
  ['first_epoch', 'string'],
  ['first_position', 'bigint'],
  ['first_value', 'double'],
  ['last_ts', 'timestamp'],
  ['last_epoch', 'string'],
  ['last_position', 'bigint'],
  ['last_value', 'double'],
  ['bad', 'bigint'],
] as const satisfies ColdTable['columns'];

/** A message that could not be taken; `payload` is base64. */
export const ASIDE_COLUMNS = [
  ['client', 'string'],
  ['reason', 'string'],
  ['detail', 'string'],
  ['at_ms', 'bigint'],
  ['bytes', 'bigint'],
  ['payload', 'string'],
] as const satisfies ColdTable['columns'];

export const COLD_TABLES: readonly ColdTable[] = [
  { name: 'landing', prefix: COLD_PREFIXES.landing, format: 'parquet', columns: LANDING_COLUMNS },
  { name: 'partials', prefix: COLD_PREFIXES.partials, format: 'parquet', columns: PARTIAL_COLUMNS },
  { name: 'aside', prefix: COLD_PREFIXES.aside, format: 'json', columns: ASIDE_COLUMNS },
];

/**
 * Partition projection of `dt`: old recordings stay findable, and so does what a fast clock sent from tomorrow.
 * https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
 */
export const DT_PROJECTION = { type: 'date', format: 'yyyy-MM-dd', range: '2000-01-01,NOW+2DAYS' } as const;
