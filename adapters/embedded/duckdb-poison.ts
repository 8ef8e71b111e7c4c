import type { DuckDBConnection } from '@duckdb/node-api';
import type { PoisonMessage } from '../../core/ports.ts';
import { type PoisonBounds, type PoisonCounts, surplus } from '../poison-bounds.ts';
import { type ResultRow, select } from './duckdb-rows.ts';

const MAX_DETAIL_CHARACTERS = 1_000;

/** Keeps the message and lets the oldest go beyond the bounds; within the caller's transaction. */
export async function keepPoison(
  connection: DuckDBConnection,
  message: PoisonMessage,
  bounds: PoisonBounds,
): Promise<void> {
  const [top] = await select(connection, 'SELECT coalesce(max(seq), 0) + 1 AS seq FROM poison');
  const appender = await connection.createAppender('poison');
  appender.appendBigInt(BigInt(Number(top!.seq)));
  appender.appendVarchar(message.client);
  appender.appendVarchar(message.reason);
  appender.appendVarchar(message.detail.slice(0, MAX_DETAIL_CHARACTERS));
  appender.appendBigInt(BigInt(message.atMs));
  appender.appendBigInt(BigInt(message.payload.length));
  appender.appendBlob(message.payload);
  appender.endRow();
  appender.flushSync();
  appender.closeSync();

  const kept = await select(connection, 'SELECT seq, bytes FROM poison ORDER BY seq');
  const gone = surplus(
    kept.map((row) => Number(row.bytes)),
    bounds,
  );
  if (gone === 0) return;
  await connection.run('DELETE FROM poison WHERE seq <= $1', [BigInt(Number(kept[gone - 1]!.seq))]);
  await connection.run(`UPDATE meta SET value = value::BIGINT + ${gone} WHERE key = 'poison_dropped'`);
}

export async function countPoison(connection: DuckDBConnection): Promise<PoisonCounts> {
  const [row] = await select(
    connection,
    `SELECT count(*) AS messages, coalesce(sum(bytes), 0) AS bytes,
       (SELECT value::BIGINT FROM meta WHERE key = 'poison_dropped') AS dropped FROM poison`,
  );
  return { messages: Number(row!.messages), bytes: Number(row!.bytes), dropped: Number(row!.dropped) };
}

/** What is kept, oldest first. */
export async function readPoison(connection: DuckDBConnection): Promise<PoisonMessage[]> {
  const result = await connection.runAndReadAll(
    'SELECT client, reason, detail, at_ms, payload FROM poison ORDER BY seq',
  );
  return result.getRowObjects().map((row: ResultRow) => ({
    client: String(row.client),
    reason: row.reason as PoisonMessage['reason'],
    detail: String(row.detail),
    atMs: Number(row.at_ms),
    payload: (row.payload as { bytes: Uint8Array }).bytes.slice(),
  }));
}
