import { type ParquetParsers, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { ColdType } from '../../core/cold-tables.ts';

/** Columns of a table whose rows are `Row` objects: timestamps, int and bigint are whole JavaScript numbers. */
export type ColumnsOf<Row> = readonly (readonly [name: keyof Row & string, type: ColdType])[];
type Cell = string | number | null;

const ROWS_PER_GROUP = 100_000;

/** As DuckDB writes them: files of hub and cloud can be read by one query. */
const ELEMENTS: Readonly<Record<ColdType, Omit<SchemaElement, 'name'>>> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  double: { type: 'DOUBLE' },
  int: { type: 'INT32', converted_type: 'INT_32' },
  bigint: { type: 'INT64', converted_type: 'INT_64' },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    // True makes DuckDB answer with times of the session's zone, and tables of hub and cloud differ.
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MILLIS' },
  },
};

/**
 * A whole Parquet file in memory: a file that is cut off must never lie where queries read.
 *
 * @throws TypeError or RangeError for a value that its column cannot hold: the caller's bug
 */
export function encodeTable<Row>(columns: ColumnsOf<Row>, rows: readonly Row[]): Uint8Array {
  const columnData = columns.map(([name, type]) => {
    const cells = rows.map((row) => row[name] as Cell);
    return {
      name,
      data: cells.map((cell) => toStored(cell, name, type)),
      // A dictionary would turn −0 into 0: its keys are compared as a Map's are.
      ...(type === 'double' && cells.some((cell) => Object.is(cell, -0)) && { encoding: 'PLAIN' as const }),
    };
  });
  const schema: SchemaElement[] = [
    { name: 'headwater', num_children: columns.length },
    ...columns.map(([name, type]) => ({ name, ...ELEMENTS[type], repetition_type: 'OPTIONAL' as const })),
  ];
  return new Uint8Array(
    parquetWriteBuffer({ columnData, schema, rowGroupSize: ROWS_PER_GROUP, createdBy: 'headwater' }),
  );
}

/**
 * The rows of a file of this table.
 *
 * @throws Error if it is no such file, or damaged where that can be seen
 */
export async function decodeTable<Row>(columns: ColumnsOf<Row>, bytes: Uint8Array): Promise<Row[]> {
  const file = bytes.slice().buffer;
  const rows = await parquetReadObjects({ file, parsers: PARSERS });
  // In place: there may be a million of them.
  for (const row of rows) for (const [name, type] of columns) row[name] = fromStored(row[name], name, type);
  return rows as Row[];
}

function toStored(cell: Cell, column: string, type: ColdType): Cell | bigint {
  if (cell === null) return null;
  const fits = type === 'string' ? typeof cell === 'string' : typeof cell === 'number';
  if (!fits) throw new TypeError(`column ${column}: ${typeof cell}, expected ${type}`);
  if (type === 'string' || type === 'double') return cell;
  const whole = type === 'int' ? Number(cell) === (Number(cell) | 0) : Number.isSafeInteger(cell);
  if (!whole) throw new RangeError(`column ${column}: ${cell}, expected ${type}`);
  return type === 'int' ? cell : BigInt(cell);
}

function fromStored(cell: unknown, column: string, type: ColdType): Cell {
  if (cell === null) return null;
  const value = typeof cell === 'bigint' ? Number(cell) : cell;
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'double' && typeof value === 'number') return value;
  if (type !== 'string' && typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Error(`column ${column}: ${typeof cell}, expected ${type}`);
}

/** Texts keep a leading byte order mark; times are plain ms. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const PARSERS: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => bytes && utf8.decode(bytes),
  timestampFromMilliseconds: (millis) => millis,
};
