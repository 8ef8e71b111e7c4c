import { PARTIAL_COLUMNS } from '../../core/cold-tables.ts';
import type { PartialRow } from '../../core/summary.ts';
import { decodeTable, encodeTable } from './parquet-table.ts';

/** The bytes of an object of partial summaries; the same rows give the same bytes. */
export const encodePartials = (rows: readonly PartialRow[]): Uint8Array =>
  encodeTable<PartialRow>(PARTIAL_COLUMNS, rows);

/**
 * The rows of an object of partial summaries.
 *
 * @throws Error if it is damaged
 */
export const decodePartials = (bytes: Uint8Array): Promise<PartialRow[]> =>
  decodeTable<PartialRow>(PARTIAL_COLUMNS, bytes);
