import { LANDING_COLUMNS } from '../../core/cold-tables.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { decodeTable, encodeTable } from './parquet-table.ts';

/**
 * A landed object's bytes; the same rows give the same bytes.
 *
 * @throws TypeError or RangeError for a value that its column cannot hold: the caller's bug
 */
export const encodeRows = (rows: readonly StoredRow[]): Uint8Array => encodeTable<StoredRow>(LANDING_COLUMNS, rows);

/**
 * The rows of a landed object.
 *
 * @throws Error if it is damaged
 */
export const decodeRows = (bytes: Uint8Array): Promise<StoredRow[]> => decodeTable<StoredRow>(LANDING_COLUMNS, bytes);
