import type { DuckDBConnection } from '@duckdb/node-api';
import type { PoisonMessage } from '../../core/ports.ts';
import type { PoisonBounds, PoisonCounts } from '../poison-bounds.ts';
import { type ResultRow, select } from './duckdb-rows.ts';

const MAX_DETAIL_CHARACTERS = 1_000;

/** Keeps the messages and lets the oldest go beyond the bounds; within the caller's transaction. */
export async function keepPoison(
  connection: DuckDBConnection,
  messages: readonly PoisonMessage[],
  bounds: PoisonBounds,
): Promise<void> {
  const [top] = await select(connection, 'SELECT coalesce(max(seq), 0) AS seq FROM poison');
  const appender = await connection.createAppender('poison');
  try {
    for (const [at, message] of messages.entries()) {
      appender.appendBigInt(BigInt(Number(top!.seq) + 1 + at));
      appender.appendVarchar(message.client);
      appender.appendVarchar(message.reason);
      appender.appendVarchar(message.detail.slice(0, MAX_DETAIL_CHARACTERS));
      appender.appendBigInt(BigInt(message.atMs));
      appender.appendBigInt(BigInt(message.payload.length));
      appender.appendBlob(message.payload);
      appender.endRow();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  const kept = await countPoison(connection);
  if (kept.messages <= bounds.messages && kept.bytes <= bounds.bytes) return;
  await connection.run(
    `DELETE FROM poison WHERE seq IN (SELECT seq FROM
       (SELECT seq, row_number() OVER newest AS messages, sum(bytes) OVER newest AS total FROM poison
        WINDOW newest AS (ORDER BY seq DESC))
       WHERE messages > $1 OR total > $2)`,
    [BigInt(bounds.messages), BigInt(bounds.bytes)],
  );
  const gone = kept.messages - (await countPoison(connection)).messages;
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
