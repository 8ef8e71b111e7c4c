import type { DuckDBConnection } from '@duckdb/node-api';
import { type Hash64, type LaneKey, laneKeyText } from '../../core/identity.ts';
import { EMPTY_LANE, type LaneIndex, type StatedLane, type StoreChange } from '../../core/ports.ts';
import { rangesOfText, rangesToText } from '../../core/range-text.ts';
import type { Range } from '../../core/ranges.ts';
import { keyFields, LANE_KEY_TYPES, laneKeyOf, select, unnestJson } from './duckdb-rows.ts';

/** The index of ranges and what belongs to it, in SQL. */

export async function readLanes(connection: DuckDBConnection, keys: readonly LaneKey[]): Promise<LaneIndex[]> {
  const rows = await select(
    connection,
    `SELECT * FROM lanes JOIN ${unnestJson('$1', LANE_KEY_TYPES)} AS asked USING (node, producer, epoch, lane)`,
    [JSON.stringify(keys.map(keyFields))],
  );
  const found = new Map(
    rows.map((row): [string, LaneIndex] => [
      laneKeyText(laneKeyOf(row)),
      { version: Number(row.version), stored: rangesOfText(row.stored), givenUp: rangesOfText(row.given_up) },
    ]),
  );
  return keys.map((key) => found.get(laneKeyText(key)) ?? EMPTY_LANE);
}

export async function countLanesOf(connection: DuckDBConnection, node: string): Promise<number> {
  const keys = 'SELECT producer, epoch, lane FROM';
  const [row] = await select(
    connection,
    `SELECT count(*) AS lanes FROM (${keys} lanes WHERE node = $1 UNION ${keys} statements WHERE node = $1)`,
    [node],
  );
  return Number(row!.lanes);
}

const HASH_KEY_TYPES = { ...LANE_KEY_TYPES, from_position: 'BIGINT', to_position: 'BIGINT' };
const HASH_KEY = Object.keys(HASH_KEY_TYPES).join(', ');

export async function findHashes(
  connection: DuckDBConnection,
  ranges: readonly { key: LaneKey; from: number; to: number }[],
): Promise<(Hash64 | undefined)[]> {
  const rows = await select(
    connection,
    `SELECT ${HASH_KEY}, arg_max(hash, stored_at) AS hash FROM hashes
     JOIN ${unnestJson('$1', HASH_KEY_TYPES)} AS asked USING (${HASH_KEY}) GROUP BY ALL`,
    [JSON.stringify(ranges.map(({ key, from, to }) => hashKeyFields(key, { from, to })))],
  );
  const found = new Map(
    rows.map((row) => [
      rangeText(laneKeyOf(row), { from: Number(row.from_position), to: Number(row.to_position) }),
      String(row.hash),
    ]),
  );
  return ranges.map((range) => found.get(rangeText(range.key, range)));
}

/** The lanes as the change leaves them; each version one higher. */
export async function writeLanes(connection: DuckDBConnection, lanes: StoreChange['lanes']): Promise<void> {
  if (lanes.length === 0) return;
  const types = { ...LANE_KEY_TYPES, version: 'BIGINT', stored: 'VARCHAR', given_up: 'VARCHAR' };
  await connection.run(
    `INSERT INTO lanes BY NAME SELECT * FROM ${unnestJson('$1', types)}
     ON CONFLICT DO UPDATE SET version = excluded.version, stored = excluded.stored, given_up = excluded.given_up`,
    [
      JSON.stringify(
        lanes.map(({ key, expectedVersion, stored, givenUp }) => ({
          ...keyFields(key),
          version: expectedVersion + 1,
          stored: rangesToText(stored),
          given_up: rangesToText(givenUp),
        })),
      ),
    ],
  );
}

export async function writeHashes(connection: DuckDBConnection, change: StoreChange): Promise<void> {
  if (change.hashes.length === 0) return;
  const types = { ...HASH_KEY_TYPES, hash: 'VARCHAR', stored_at: 'BIGINT' };
  await connection.run(`INSERT INTO hashes BY NAME SELECT * FROM ${unnestJson('$1', types)}`, [
    JSON.stringify(
      change.hashes.map((range) => ({
        ...hashKeyFields(range.key, range),
        hash: range.hash,
        stored_at: change.storedAtMs,
      })),
    ),
  ]);
}

export async function writeStatements(
  connection: DuckDBConnection,
  statements: readonly StatedLane[],
  atMs: number,
): Promise<void> {
  if (statements.length === 0) return;
  const types = { ...LANE_KEY_TYPES, up_to: 'BIGINT', delivered: 'BIGINT', stated_at: 'BIGINT' };
  await connection.run(
    `INSERT INTO statements BY NAME SELECT * FROM ${unnestJson('$1', types)}
     ON CONFLICT DO UPDATE SET up_to = excluded.up_to, delivered = excluded.delivered, stated_at = excluded.stated_at
       WHERE excluded.up_to >= up_to`, // an older statement that was overtaken on its way says nothing new
    [
      JSON.stringify(
        statements.map(({ key, upTo, delivered }) => ({ ...keyFields(key), up_to: upTo, delivered, stated_at: atMs })),
      ),
    ],
  );
}

const hashKeyFields = (key: LaneKey, { from, to }: Range) => ({
  ...keyFields(key),
  from_position: from,
  to_position: to,
});
const rangeText = (key: LaneKey, { from, to }: Range): string => `${laneKeyText(key)}/${from}/${to}`;
