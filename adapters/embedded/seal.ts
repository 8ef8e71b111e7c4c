import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColdFiles } from './cold-files.ts';
import { copyStaged } from './copy-staged.ts';
import type { StoreDatabase } from './duckdb-database.ts';
import { select } from './duckdb-rows.ts';
import { sqlText } from './duckdb-schema.ts';

export interface SealPorts {
  database: StoreDatabase;
  files: ColdFiles;
  nowMs: () => number;
}

/** What one seal did; no files = nothing was staged. */
export interface SealResult {
  files: number;
  rows: number;
}

interface SealedFile {
  /** Relative to the cold folder. */
  name: string;
  dt: string;
  rows: number;
  bytes: number;
  minTs: number;
  maxTs: number;
}

/** Hashes outlive the longest time a record may wait by a month, so that a late resend is still recognised. */
export const HASH_KEEP_MS = (30 + 30) * 24 * 3_600_000;

/**
 * Moves staged rows to Parquet, one file a day of `ts`. The files are complete and durable under their final names
 * before one transaction names them and drops the rows; cut off anywhere before that, the rows are still staged and
 * the files, unnamed, go at the next start. Rows that arrive meanwhile have a later batch and stay.
 *
 * @throws if disk or database refuse; nothing is lost then
 */
export async function sealStaged(ports: SealPorts, cold: string): Promise<SealResult> {
  const { database, files, nowMs } = ports;
  const plan = await database.read(planSeal);
  if (plan === undefined) return { files: 0, rows: 0 };
  const sealed: SealedFile[] = [];
  for (const day of plan.days) {
    const folder = join(cold, `dt=${day.dt}`);
    const name = `dt=${day.dt}/part-${String(plan.seal).padStart(9, '0')}.parquet`;
    const temporary = join(cold, `seal-${plan.seal}-${day.dt}.tmp`);
    // A reader's own transaction: commits go on meanwhile.
    const rows = await database.read((reader) => copyDay(reader, day.dt, plan.batch, temporary));
    await files.syncFile(temporary);
    await files.makeFolder(folder);
    await files.rename(temporary, join(cold, name));
    await files.syncFolder(folder);
    sealed.push({ ...day, name, rows, bytes: await files.size(join(cold, name)) });
  }
  await files.syncFolder(cold);
  const rows = sealed.reduce((sum, file) => sum + file.rows, 0);
  await database.transact((writer) => nameFiles(writer, sealed, rows, plan, nowMs()));
  return { files: sealed.length, rows };
}

interface SealPlan {
  seal: number;
  /** The last batch that this seal takes. */
  batch: bigint;
  days: { dt: string; minTs: number; maxTs: number }[];
}

async function planSeal(reader: DuckDBConnection): Promise<SealPlan | undefined> {
  const days = await select(
    reader,
    `SELECT strftime(ts::DATE, '%Y-%m-%d') AS dt, max(batch) AS batch, epoch_ms(min(ts)) AS min_ts,
       epoch_ms(max(ts)) AS max_ts FROM staged GROUP BY 1 ORDER BY 1`,
  );
  if (days.length === 0) return undefined;
  const [meta] = await select(reader, `SELECT value FROM meta WHERE key = 'next_seal'`);
  return {
    seal: Number(meta!.value),
    batch: days.map((day) => BigInt(Number(day.batch))).reduce((a, b) => (a > b ? a : b)),
    days: days.map((day) => ({ dt: String(day.dt), minTs: Number(day.min_ts), maxTs: Number(day.max_ts) })),
  };
}

function copyDay(reader: DuckDBConnection, dt: string, batch: bigint, file: string): Promise<number> {
  const rows = `staged WHERE batch <= ${batch} AND ts::DATE = DATE ${sqlText(dt)}`;
  return copyStaged(reader, rows, file, { orderBy: 'device, stream, ts', compression: 'zstd' });
}

async function nameFiles(
  writer: DuckDBConnection,
  sealed: readonly SealedFile[],
  rows: number,
  plan: SealPlan,
  nowMs: number,
): Promise<void> {
  const appender = await writer.createAppender('files');
  for (const file of sealed) {
    appender.appendVarchar(file.name);
    appender.appendVarchar(file.dt);
    for (const number of [file.rows, file.bytes, file.minTs, file.maxTs, nowMs]) appender.appendBigInt(BigInt(number));
    appender.endRow();
  }
  appender.flushSync();
  appender.closeSync();
  const dropped = await writer.run(`DELETE FROM staged WHERE batch <= ${plan.batch}`);
  // What leaves the staging table and what stands in the files is the same, or nothing happens.
  if (dropped.rowsChanged !== rows)
    throw new Error(`seal ${plan.seal}: ${dropped.rowsChanged} rows staged, ${rows} in the files`);
  await writer.run(`UPDATE meta SET value = '${plan.seal + 1}' WHERE key = 'next_seal'`);
  await writer.run(`DELETE FROM hashes WHERE stored_at < ${nowMs - HASH_KEEP_MS}`);
}
