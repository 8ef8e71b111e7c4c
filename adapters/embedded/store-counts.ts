import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type LaneKey, laneKeyText } from '../../core/identity.ts';
import { type Priority, priorityOf } from '../../core/priority.ts';
import { rangesOfText } from '../../core/range-text.ts';
import { countOf, NO_RANGES, type RangeSet, subtract, within } from '../../core/ranges.ts';
import type { PoisonCounts } from '../poison-bounds.ts';
import { countPoison } from './duckdb-poison.ts';
import { laneKeyOf, type ResultRow, select } from './duckdb-rows.ts';
import { parquetSource } from './duckdb-schema.ts';

/** One lane, counted in independent ways: balanced = rows, positions and stored are equal, and delivered ≤ stored. */
export interface LaneCount {
  key: LaneKey;
  /** Rows found by SQL in the files that the database names and in the staging table. */
  rows: number;
  /** Different positions among them: fewer than rows = something is there twice. */
  positions: number;
  /** Positions that the index holds as stored. */
  stored: number;
  /** Positions that the node gave up. */
  givenUp: number;
  /** The node's latest word, if it gave one. */
  stated: StatedCount | undefined;
}

export interface StatedCount {
  /** It enqueued positions below this, and knew of so many deliveries. */
  upTo: number;
  delivered: number;
  /** When it was taken down: ms since 1970. */
  atMs: number;
  /** Of the positions below `upTo`: so many are stored by now, and so many are given up and not stored. */
  storedBelow: number;
  givenUpBelow: number;
}

/** How much the store holds; cheap enough to ask each second. */
export interface StoreSize {
  staged: number;
  files: number;
  /** Staged and sealed. */
  rows: number;
  /** Of the files. */
  bytes: number;
  poison: PoisonCounts;
}

/** The far side's half of the ledger (docs/adr/0003-ledger.md). */
export interface StoreLedger {
  farSide: string;
  lanes: (LaneCount & { priority: Priority })[];
  streams: { node: string; stream: string; priority: Priority; rows: number }[];
  size: StoreSize;
}

/** What the index holds of one lane; no file is read for it. */
export interface IndexedLane {
  key: LaneKey;
  stored: RangeSet;
  givenUp: RangeSet;
  /** The node's latest word, if it gave one. */
  stated: StatedCount | undefined;
}

export async function readIndex(reader: DuckDBConnection): Promise<IndexedLane[]> {
  const lanes = byLane(await select(reader, 'SELECT * FROM lanes'));
  const words = byLane(await select(reader, 'SELECT * FROM statements'));
  return [...new Set([...lanes.keys(), ...words.keys()])].sort().map((text) => {
    const lane = lanes.get(text);
    const word = words.get(text);
    const stored = lane ? rangesOfText(lane.stored) : NO_RANGES;
    const givenUp = lane ? rangesOfText(lane.given_up) : NO_RANGES;
    return {
      key: laneKeyOf((lane ?? word)!),
      stored,
      givenUp,
      stated: word && statedCount(word, { stored, givenUp }),
    };
  });
}

export async function readSize(reader: DuckDBConnection): Promise<StoreSize> {
  const [row] = await select(
    reader,
    `SELECT (SELECT count(*) FROM staged) AS staged, count(*) AS files, coalesce(sum(rows), 0)::BIGINT AS rows,
       coalesce(sum(bytes), 0)::BIGINT AS bytes FROM files`,
  );
  const staged = Number(row!.staged);
  return {
    staged,
    files: Number(row!.files),
    rows: Number(row!.rows) + staged,
    bytes: Number(row!.bytes),
    poison: await countPoison(reader),
  };
}

/** Reads every file: for the ledger, not for each second. */
export async function countLanes(reader: DuckDBConnection, cold: string): Promise<LaneCount[]> {
  const records = await allRecords(reader, cold);
  const rows = await select(
    reader,
    `SELECT node, producer, epoch, lane, count(*) AS rows, count(DISTINCT position) AS positions
     FROM ${records} GROUP BY ALL`,
  );
  const counted = byLane(rows);
  const indexed = new Map((await readIndex(reader)).map((lane) => [laneKeyText(lane.key), lane]));
  const keys = new Set([...indexed.keys(), ...counted.keys()]);
  return [...keys].sort().map((text) => {
    const lane = indexed.get(text);
    const found = counted.get(text);
    return {
      key: lane?.key ?? laneKeyOf(found!),
      rows: Number(found?.rows ?? 0),
      positions: Number(found?.positions ?? 0),
      stored: countOf(lane?.stored ?? []),
      givenUp: countOf(lane?.givenUp ?? []),
      stated: lane?.stated,
    };
  });
}

function statedCount(word: ResultRow, lane: Pick<IndexedLane, 'stored' | 'givenUp'>): StatedCount {
  const upTo = Number(word.up_to);
  const below = (ranges: RangeSet): RangeSet => within(ranges, { from: 0, to: upTo });
  const stored = below(lane.stored);
  return {
    upTo,
    delivered: Number(word.delivered),
    atMs: Number(word.stated_at),
    storedBelow: countOf(stored),
    givenUpBelow: countOf(subtract(below(lane.givenUp), stored)),
  };
}

export async function readLedger(reader: DuckDBConnection, cold: string, farSide: string): Promise<StoreLedger> {
  const lanes = await countLanes(reader, cold);
  const streams = await select(
    reader,
    `SELECT node, stream, lane, count(*) AS rows FROM ${await allRecords(reader, cold)}
     GROUP BY ALL ORDER BY node, stream, lane`,
  );
  return {
    farSide,
    lanes: lanes.map((lane) => ({ ...lane, priority: priorityOf(lane.key.lane) })),
    streams: streams.map((row) => ({
      node: String(row.node),
      stream: String(row.stream),
      priority: priorityOf(Number(row.lane) as LaneKey['lane']),
      rows: Number(row.rows),
    })),
    size: await readSize(reader),
  };
}

const COUNTED = 'node, producer, epoch, lane, stream, position';

async function allRecords(reader: DuckDBConnection, cold: string): Promise<string> {
  const files = await select(reader, 'SELECT name FROM files ORDER BY name');
  const source = parquetSource(files.map((file) => join(cold, String(file.name))));
  const staged = `SELECT ${COUNTED} FROM staged`;
  return source === undefined ? `(${staged})` : `(${staged} UNION ALL SELECT ${COUNTED} FROM ${source})`;
}

const byLane = (rows: readonly ResultRow[]): Map<string, ResultRow> =>
  new Map(rows.map((row) => [laneKeyText(laneKeyOf(row)), row]));
