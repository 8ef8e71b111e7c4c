import { type ParquetParsers, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { ColdType } from '../../core/cold-tables.ts';

/** Columns of a table whose rows are `Row` objects: timestamps, int and bigint are whole numbers, array<double> number[]. */
export type ColumnsOf<Row> = readonly (readonly [name: keyof Row & string, type: ColdType])[];
type Cell = string | number | readonly number[] | null;
type FlatType = Exclude<ColdType, 'array<double>'>;

const ROWS_PER_GROUP = 100_000;

/** As DuckDB writes them: files of hub and cloud can be read by one query. */
const ELEMENTS: Readonly<Record<FlatType, Omit<SchemaElement, 'name'>>> = {
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
 * A list in three levels, named as the specification says and DuckDB does, so that Athena and Trino find it:
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists
 */
const elementsOf = (name: string, type: ColdType): SchemaElement[] =>
  type === 'array<double>'
    ? [
        { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
      ]
    : [{ name, ...ELEMENTS[type], repetition_type: 'OPTIONAL' }];

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
      ...(!mayHaveDictionary(cells, type) && { encoding: 'PLAIN' as const }),
    };
  });
  const schema: SchemaElement[] = [
    { name: 'headwater', num_children: columns.length },
    ...columns.flatMap(([name, type]) => elementsOf(name, type)),
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

/** A dictionary would turn −0 into 0: its keys are compared as a Map's are. Samples seldom repeat. */
const mayHaveDictionary = (cells: readonly Cell[], type: ColdType): boolean =>
  type !== 'array<double>' && !(type === 'double' && cells.some((cell) => Object.is(cell, -0)));

function toStored(cell: Cell, column: string, type: ColdType): Cell | bigint {
  if (cell === null) return null;
  if (type === 'array<double>') {
    if (isNumbers(cell)) return cell;
    throw new TypeError(`column ${column}: ${typeof cell}, expected ${type}`);
  }
  const fits = type === 'string' ? typeof cell === 'string' : typeof cell === 'number';
  if (!fits) throw new TypeError(`column ${column}: ${typeof cell}, expected ${type}`);
  if (type === 'string' || type === 'double') return cell;
  const number = Number(cell);
  const whole = type === 'int' ? number === (number | 0) : Number.isSafeInteger(number);
  if (!whole) throw new RangeError(`column ${column}: ${number}, expected ${type}`);
  return type === 'int' ? number : BigInt(number);
}

function fromStored(cell: unknown, column: string, type: ColdType): Cell {
  if (cell === null) return null;
  if (type === 'array<double>') {
    // hyparquet's word for a list that is null.
    if (cell === undefined) return null;
    if (isNumbers(cell)) return cell;
  }
  const value = typeof cell === 'bigint' ? Number(cell) : cell;
  if (type === 'string' && typeof value === 'string') return value;
  if (type === 'double' && typeof value === 'number') return value;
  if (type !== 'string' && typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Error(`column ${column}: ${typeof cell}, expected ${type}`);
}

const isNumbers = (cell: unknown): cell is readonly number[] =>
  Array.isArray(cell) && cell.every((sample) => typeof sample === 'number');

/** Texts keep a leading byte order mark; times are plain ms. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const PARSERS: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => bytes && utf8.decode(bytes),
  timestampFromMilliseconds: (millis) => millis,
};
