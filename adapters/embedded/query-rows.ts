import { type DuckDBConnection, type DuckDBDataChunk, JsonDuckDBValueConverter } from '@duckdb/node-api';

/** A value as JSON carries it: a BIGINT is a number while that is exact, else text. */
export type QueryValue = string | number | boolean | null;
export interface QueryColumn {
  name: string;
  /** DuckDB's name of the type. */
  type: string;
}

export interface ResultLimits {
  rows: number;
  /** Of the rows as JSON. */
  bytes: number;
}

/** Longest text of one value; a longer one is an error: cutting it silently would be a lie. */
export const MAX_VALUE_BYTES = 1024 ** 2;
const TOO_LARGE = `a value of more than ${MAX_VALUE_BYTES} bytes`;

const INTEGERS = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT)$/;
const PLAIN = /^(BOOLEAN|FLOAT|DOUBLE|DATE|TIME.*|DECIMAL.*|UUID|ENUM.*|"NULL"|SQLNULL)$/;

/**
 * The query with each column in a form that is safe to take over: V8 aborts the process on a string beyond 512 MB, so
 * the length is checked inside the database, and nested values come as text.
 */
export function wrapQuery(sql: string, columns: readonly QueryColumn[], limits: ResultLimits): string {
  const names = columns.map((_, index) => `c${index}`);
  const values = columns.map(({ type }, index) => {
    const name = names[index]!;
    if (INTEGERS.test(type) || PLAIN.test(type)) return name;
    const text = type === 'VARCHAR' ? name : `CAST(${name} AS VARCHAR)`;
    return `IF(strlen(${text}) > ${MAX_VALUE_BYTES}, error('${TOO_LARGE}'), ${text})`;
  });
  // The new line ends a comment at the end of the query.
  const inner = `(${sql.replace(/(\s*;)+\s*$/, '')}\n) AS query(${names.join(', ')})`;
  return `SELECT ${values.join(', ')} FROM ${inner} LIMIT ${limits.rows + 1}`;
}

/** Takes rows over until a limit is met. */
export async function takeRows(
  connection: DuckDBConnection,
  sql: string,
  columns: readonly QueryColumn[],
  limits: ResultLimits,
): Promise<{ rows: QueryValue[][]; truncated: boolean }> {
  const result = await connection.stream(sql);
  const integers = columns.map(({ type }) => INTEGERS.test(type));
  const rows: QueryValue[][] = [];
  let bytes = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return { rows, truncated: false };
    for (let index = 0; index < chunk.rowCount; index++) {
      const row = rowOf(chunk, index, integers);
      bytes += JSON.stringify(row).length;
      if (rows.length === limits.rows || bytes > limits.bytes) return { rows, truncated: true };
      rows.push(row);
    }
  }
}

function rowOf(chunk: DuckDBDataChunk, index: number, integers: readonly boolean[]): QueryValue[] {
  return chunk.convertRowValues(index, JsonDuckDBValueConverter).map((value, column) => {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
    if (typeof value === 'object') return JSON.stringify(value);
    const number = integers[column] ? Number(value) : Number.NaN;
    return Number.isSafeInteger(number) ? number : value;
  });
}
