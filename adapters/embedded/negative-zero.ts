import { RECORD_COLUMNS } from './duckdb-schema.ts';

/**
 * DuckDB takes −0 for 0 wherever it compares: a column of both becomes one constant or one run at the next checkpoint, and
 * one entry of a Parquet dictionary; all rows then have the sign of the first. So −0 is staged as NaN, which no reading
 * can be, and files with a −0 in them are written without dictionaries.
 */
export const stagedNumber = (value: number): number => (Object.is(value, -0) ? Number.NaN : value);

const restored = (name: string): string => `if(isnan(${name}), '-0.0'::DOUBLE, ${name})`;
const SELECTED: Readonly<Record<string, string>> = {
  value: `${restored('value')} AS value`,
  samples: `list_transform(samples, lambda sample: ${restored('sample')}) AS samples`,
};
/** The columns of a record, read from the staging table. */
export const STAGED_COLUMN_LIST = RECORD_COLUMNS.map(([name]) => SELECTED[name] ?? name).join(', ');

/** An aggregate over staged rows. */
export const ANY_NEGATIVE_ZERO = `coalesce(bool_or(isnan(value) OR list_contains(samples, 'nan'::DOUBLE)), false)`;
