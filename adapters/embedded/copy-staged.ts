import type { DuckDBConnection } from '@duckdb/node-api';
import { select } from './duckdb-rows.ts';
import { sqlText } from './duckdb-schema.ts';
import { ANY_NEGATIVE_ZERO, STAGED_COLUMN_LIST } from './negative-zero.ts';

/**
 * Writes staged rows to a Parquet file, each number with its sign.
 *
 * @param rows `staged`, with or without a condition
 * @param shape how the file is written. @default in any order, snappy
 * @returns how many rows
 */
export async function copyStaged(
  reader: DuckDBConnection,
  rows: string,
  file: string,
  shape: { orderBy?: string; compression?: 'zstd' } = {},
): Promise<number> {
  const { orderBy, compression = 'snappy' } = shape;
  const [found] = await select(reader, `SELECT ${ANY_NEGATIVE_ZERO} AS negative FROM ${rows}`);
  const dictionaries = found!.negative ? ', DICTIONARY_SIZE_LIMIT 0' : '';
  const copied = await reader.run(
    `COPY (SELECT ${STAGED_COLUMN_LIST} FROM ${rows} ${orderBy === undefined ? '' : `ORDER BY ${orderBy}`})
       TO ${sqlText(file)} (FORMAT parquet, COMPRESSION ${compression}${dictionaries})`,
  );
  return copied.rowsChanged;
}
