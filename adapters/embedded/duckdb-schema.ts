/** The hub's database: staged rows, the index, what is sealed, what was put aside. */
export const SCHEMA_VERSION = 2;

/** Columns of a record, in the staging table, in the Parquet files and in queries alike. */
export const RECORD_COLUMNS = [
  ['site', 'VARCHAR'],
  ['node', 'VARCHAR'],
  ['device', 'VARCHAR'],
  ['stream', 'VARCHAR'],
  ['ts', 'TIMESTAMP_MS'],
  ['value', 'DOUBLE'],
  ['text', 'VARCHAR'],
  ['samples', 'DOUBLE[]'],
  ['quality', 'VARCHAR'],
  ['clock', 'VARCHAR'],
  ['lane', 'INTEGER'],
  ['producer', 'VARCHAR'],
  ['epoch', 'VARCHAR'],
  ['position', 'BIGINT'],
  ['stored_at', 'TIMESTAMP_MS'],
] as const;

export const RECORD_COLUMN_LIST = RECORD_COLUMNS.map(([name]) => name).join(', ');

const LANE_KEY = 'node VARCHAR, producer VARCHAR, epoch VARCHAR, lane INTEGER';

/**
 * `batch` numbers the commits: a seal takes the batches up to the last one it saw, so that rows which arrive
 * meanwhile stay. `hashes` has no key: it is written with every envelope and read only when one comes twice.
 */
export const SCHEMA_SQL = `
  CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
  CREATE TABLE staged (${RECORD_COLUMNS.map((column) => column.join(' ')).join(', ')}, batch BIGINT NOT NULL);
  CREATE TABLE lanes (${LANE_KEY}, version BIGINT NOT NULL, stored VARCHAR NOT NULL, given_up VARCHAR NOT NULL,
    PRIMARY KEY (node, producer, epoch, lane));
  CREATE TABLE hashes (${LANE_KEY}, from_position BIGINT, to_position BIGINT, hash VARCHAR, stored_at BIGINT);
  CREATE TABLE statements (${LANE_KEY}, up_to BIGINT NOT NULL, delivered BIGINT NOT NULL, stated_at BIGINT NOT NULL,
    PRIMARY KEY (node, producer, epoch, lane));
  CREATE TABLE files (name VARCHAR PRIMARY KEY, dt VARCHAR NOT NULL, rows BIGINT NOT NULL, bytes BIGINT NOT NULL,
    min_ts BIGINT NOT NULL, max_ts BIGINT NOT NULL, sealed_at BIGINT NOT NULL);
  CREATE TABLE poison (seq BIGINT, client VARCHAR, reason VARCHAR, detail VARCHAR, at_ms BIGINT, bytes BIGINT,
    payload BLOB);
  INSERT INTO meta VALUES ('schema', '${SCHEMA_VERSION}'), ('next_seal', '1'), ('poison_dropped', '0');
`;

/** A text as an SQL literal. */
export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The rows of these Parquet files; undefined = there are none. Names are literal: see `refuseGlobs`. */
export const parquetSource = (paths: readonly string[]): string | undefined =>
  paths.length === 0
    ? undefined
    : `read_parquet([${paths.map(sqlText).join(', ')}], hive_partitioning = true, hive_types = {'dt': DATE})`;

/**
 * DuckDB reads * ? [ ] in a file name as a pattern.
 *
 * @throws Error naming the directory
 */
export function refuseGlobs(directory: string): void {
  if (/[*?[\]]/.test(directory)) throw new Error(`data directory ${directory}: * ? [ ] are not allowed in its path`);
}
