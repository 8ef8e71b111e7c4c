import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { DOUBLE, type DuckDBAppender, DuckDBTimestampMillisecondsValue, LIST } from '@duckdb/node-api';
import type { LaneKey } from '../../core/identity.ts';
import { isLane } from '../../core/priority.ts';
import type { StoredRow } from '../../core/stored-row.ts';
import { stagedNumber } from './negative-zero.ts';

/** A row of a result: BIGINT comes as a JavaScript bigint. */
export type ResultRow = Record<string, unknown>;

/** The rows of one statement. */
export async function select(
  connection: DuckDBConnection,
  sql: string,
  values: readonly DuckDBValue[] = [],
): Promise<ResultRow[]> {
  return (await connection.runAndReadAll(sql, [...values])).getRowObjectsJS();
}

/** A table made of objects, to be joined or inserted: one parse instead of one statement a row. */
export const unnestJson = (parameter: string, columns: Readonly<Record<string, string>>): string =>
  `(SELECT unnest(from_json(${parameter}::VARCHAR, '[${JSON.stringify(columns)}]'), recursive := true))`;

export const LANE_KEY_TYPES = { node: 'VARCHAR', producer: 'VARCHAR', epoch: 'VARCHAR', lane: 'INTEGER' } as const;

export const keyFields = ({ node, producer, epoch, lane }: LaneKey) => ({ node, producer, epoch, lane });

export function laneKeyOf(row: ResultRow): LaneKey {
  const lane = Number(row.lane);
  if (!isLane(lane)) throw new RangeError(`lane ${row.lane} in the database, allowed 0 to 3`);
  return { node: String(row.node), producer: String(row.producer), epoch: String(row.epoch), lane };
}

const SAMPLES = LIST(DOUBLE);

/** Adds a staged row; the order is that of RECORD_COLUMNS, then the batch. */
export function appendRow(appender: DuckDBAppender, row: StoredRow, batch: bigint): void {
  appender.appendVarchar(row.site);
  appender.appendVarchar(row.node);
  appender.appendVarchar(row.device);
  appender.appendVarchar(row.stream);
  appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(row.ts)));
  if (row.value === null) appender.appendNull();
  else appender.appendDouble(stagedNumber(row.value));
  if (row.text === null) appender.appendNull();
  else appender.appendVarchar(row.text);
  if (row.samples === null) appender.appendNull();
  else appender.appendList(row.samples.map(stagedNumber), SAMPLES);
  appender.appendVarchar(row.quality);
  appender.appendVarchar(row.clock);
  appender.appendInteger(row.lane);
  appender.appendVarchar(row.producer);
  appender.appendVarchar(row.epoch);
  appender.appendBigInt(BigInt(row.position));
  appender.appendTimestampMilliseconds(new DuckDBTimestampMillisecondsValue(BigInt(row.stored_at)));
  appender.appendBigInt(batch);
  appender.endRow();
}
