import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Logger, PoisonMessage, RecordStore, StoreChange } from '../../core/ports.ts';
import { rowsOf } from '../../core/stored-row.ts';
import { POISON_BOUNDS, type PoisonBounds } from '../poison-bounds.ts';
import { type ColdFiles, realColdFiles, reconcileColdFiles } from './cold-files.ts';
import { copyStaged } from './copy-staged.ts';
import { openDatabase, type StoreDatabase } from './duckdb-database.ts';
import { countLanesOf, findHashes, readLanes, writeHashes, writeLanes, writeStatements } from './duckdb-index.ts';
import { keepPoison, readPoison } from './duckdb-poison.ts';
import { appendRow, select } from './duckdb-rows.ts';
import { refuseGlobs, SCHEMA_SQL, SCHEMA_VERSION } from './duckdb-schema.ts';
import { type SealResult, sealStaged } from './seal.ts';
import {
  countLanes,
  type IndexedLane,
  type LaneCount,
  readIndex,
  readLedger,
  readSize,
  type StoreLedger,
  type StoreSize,
} from './store-counts.ts';

export interface DuckDbStorePorts {
  logger: Logger;
  nowMs: () => number;
  /** @default the real disk */
  files?: ColdFiles;
}

export interface DuckDbStoreConfig {
  /** Holds hub.duckdb and cold/; made if absent. */
  directory: string;
  /** A commit that brings the staged rows to this number starts a seal; Infinity = only `seal()` does. */
  sealRows: number;
  /** DuckDB's memory limit. @default 512MB */
  memory?: string;
  /** @default 1,000 messages, 64 MiB */
  poison?: PoisonBounds;
}

/** All records at one moment: the sealed files, and the staged rows written to a file of their own. */
export interface RecordsSnapshot {
  revision: number;
  /** Absolute paths. */
  files: string[];
}

export interface DuckDbStore extends RecordStore {
  /** The folder of the sealed files. */
  readonly cold: string;
  /** Moves all rows staged by now to Parquet; joins a seal that is running. */
  seal(): Promise<SealResult>;
  /** Rows against index against the nodes' statements; reads every file. */
  counts(): Promise<LaneCount[]>;
  /** Like counts, with streams and sizes; reads every file. */
  ledger(): Promise<StoreLedger>;
  /** The index alone; cheap. */
  index(): Promise<IndexedLane[]>;
  size(): Promise<StoreSize>;
  poison(): Promise<PoisonMessage[]>;
  /** Grows when the records that a query would see, or where they are, change. */
  revision(): number;
  /** @param stagedFile Parquet file to write the staged rows to */
  snapshot(stagedFile: string): Promise<RecordsSnapshot>;
  /** Waits for what was begun; staged rows stay staged. */
  close(): Promise<void>;
}

/**
 * The hub's store of record: index and rows in one DuckDB transaction, sealed to Parquet by day.
 *
 * @throws Error if another hub runs on the directory, named files are missing, or the database was lost beside its files
 */
export async function openDuckDbStore(ports: DuckDbStorePorts, config: DuckDbStoreConfig): Promise<DuckDbStore> {
  refuseGlobs(config.directory);
  const database = await openDatabase(config.directory, config.memory ?? '512MB');
  try {
    const cold = join(await realpath(config.directory), 'cold');
    const known = await database.read(readIdentity);
    const named = known ? await database.read((reader) => select(reader, 'SELECT name FROM files')) : [];
    const names = named.map((file) => String(file.name));
    // Before the tables are made: a database that was lost must look lost at the next start too.
    await reconcileColdFiles(cold, names, known === undefined, ports.logger);
    const id = known ?? (await database.transact(createTables));
    const [staged] = await database.read((reader) =>
      select(reader, 'SELECT count(*) AS rows, coalesce(max(batch), 0) AS batch FROM staged'),
    );
    return createStore(ports, config, database, {
      id,
      cold,
      stagedRows: Number(staged!.rows),
      lastBatch: Number(staged!.batch),
    });
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Opened {
  id: string;
  cold: string;
  stagedRows: number;
  lastBatch: number;
}

function createStore(
  ports: DuckDbStorePorts,
  config: DuckDbStoreConfig,
  database: StoreDatabase,
  opened: Opened,
): DuckDbStore {
  const { id, cold } = opened;
  const { logger, nowMs, files = realColdFiles } = ports;
  let { stagedRows, lastBatch } = opened;
  let revision = 0;
  let sealing: Promise<SealResult> | undefined;

  const sealOnce = async (): Promise<SealResult> => {
    const result = await sealStaged({ database, files, nowMs }, cold);
    stagedRows -= result.rows;
    if (result.files > 0) revision++;
    if (result.files > 0) logger.info(result, 'sealed');
    return result;
  };
  const seal = (): Promise<SealResult> => {
    sealing ??= sealOnce().finally(() => {
      sealing = undefined;
    });
    return sealing;
  };
  let sealAtRows = config.sealRows;
  const sealIfFull = () => {
    if (stagedRows < sealAtRows || sealing) return;
    seal().then(
      () => {
        sealAtRows = config.sealRows;
      },
      (error: Error) => {
        sealAtRows = stagedRows + config.sealRows; // a full disk is not tried again with each commit
        logger.error({ error: error.message }, 'seal failed; the rows stay staged');
      },
    );
  };

  return {
    id,
    cold,
    readLanes: (keys) => database.read((reader) => readLanes(reader, keys)),
    findHashes: (ranges) => database.read((reader) => findHashes(reader, ranges)),
    async commit(change) {
      const batch = ++lastBatch; // one that failed leaves a gap, which means nothing
      const outcome = await database.transact((writer) => commitChange(writer, change, batch));
      if (outcome === 'conflict') return 'conflict';
      revision++;
      stagedRows += outcome;
      sealIfFull();
      return 'committed';
    },
    laneCount: (node) => database.read((reader) => countLanesOf(reader, node)),
    putAside: (messages) => database.transact((writer) => keepPoison(writer, messages, config.poison ?? POISON_BOUNDS)),
    seal,
    counts: () => database.read((reader) => countLanes(reader, cold)),
    ledger: () => database.read((reader) => readLedger(reader, cold, id)),
    index: () => database.read(readIndex),
    size: () => database.read(readSize),
    poison: () => database.read(readPoison),
    revision: () => revision,
    snapshot: (stagedFile) => {
      const before = revision; // an older number is safe: the snapshot is then taken again too early, never too late
      return database.read(async (reader) => ({
        revision: before,
        files: await copySnapshot(reader, cold, stagedFile),
      }));
    },
    async close() {
      await sealing?.catch(() => undefined); // whoever started it hears of it
      await database.close();
    },
  };
}

/** The number of rows added, all durable with the index; or nothing was changed. */
async function commitChange(
  writer: DuckDBConnection,
  change: StoreChange,
  batch: number,
): Promise<number | 'conflict'> {
  const current =
    change.lanes.length > 0
      ? await readLanes(
          writer,
          change.lanes.map(({ key }) => key),
        )
      : [];
  if (change.lanes.some(({ expectedVersion }, index) => current[index]!.version !== expectedVersion)) return 'conflict';
  await writeLanes(writer, change.lanes);
  await writeHashes(writer, change);
  await writeStatements(writer, change.statements, change.storedAtMs);
  const appender = await writer.createAppender('staged');
  let rows = 0;
  try {
    for (const envelope of change.envelopes) {
      for (const row of rowsOf(envelope, change.storedAtMs)) {
        appendRow(appender, row, BigInt(batch));
        rows++;
      }
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  return rows;
}

async function copySnapshot(reader: DuckDBConnection, cold: string, stagedFile: string): Promise<string[]> {
  const files = await select(reader, 'SELECT name FROM files ORDER BY name');
  await copyStaged(reader, 'staged', stagedFile);
  return files.map((file) => join(cold, String(file.name)));
}

/** The store's id; undefined = the database is new. */
async function readIdentity(reader: DuckDBConnection): Promise<string | undefined> {
  const tables = await select(reader, `SELECT 1 FROM information_schema.tables WHERE table_name = 'meta'`);
  if (tables.length === 0) return undefined;
  const meta = new Map((await select(reader, 'SELECT * FROM meta')).map((row) => [row.key, String(row.value)]));
  if (meta.get('schema') !== String(SCHEMA_VERSION)) {
    throw new Error(`the database has schema ${meta.get('schema')}, this release reads ${SCHEMA_VERSION}`);
  }
  return meta.get('id')!;
}

async function createTables(writer: DuckDBConnection): Promise<string> {
  const id = randomBytes(16).toString('hex');
  await writer.run(SCHEMA_SQL);
  await writer.run(`INSERT INTO meta VALUES ('id', $1)`, [id]);
  return id;
}
