import { mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { createSerialQueue } from '../../core/serial-queue.ts';
import { syncDirectory } from './durable-file.ts';

/** One DuckDB file: one writer, any number of readers. */
export interface StoreDatabase {
  /** One transaction after another: what `work` did is durable when the promise resolves, undone when it rejects. */
  transact<T>(work: (writer: DuckDBConnection) => Promise<T>): Promise<T>;
  /** All statements of `work` see the same moment, whatever is committed meanwhile. */
  read<T>(work: (reader: DuckDBConnection) => Promise<T>): Promise<T>;
  /** Waits for what was begun. */
  close(): Promise<void>;
}

/** The lock of the file holds against other processes only; within this one this set does. */
const openHere = new Set<string>();

/**
 * Opens `directory/hub.duckdb`, made if absent.
 *
 * @param memory DuckDB's memory limit
 * @throws Error 'another hub is running on …' if the database is open elsewhere
 */
export async function openDatabase(directory: string, memory: string): Promise<StoreDatabase> {
  await mkdir(directory, { recursive: true });
  const file = join(await realpath(directory), 'hub.duckdb');
  if (openHere.has(file)) throw new Error(`another hub is running on ${directory}`);
  openHere.add(file);
  try {
    return await connectDatabase(file, directory, memory);
  } catch (error) {
    openHere.delete(file);
    throw error;
  }
}

async function connectDatabase(file: string, directory: string, memory: string): Promise<StoreDatabase> {
  let connected: Connected | undefined = await connect(file, memory).catch((error: Error) => {
    throw /set lock on file|already open/i.test(error.message)
      ? new Error(`another hub is running on ${directory}`, { cause: error })
      : error;
  });
  // A database of seconds ago must still have its name after a power cut.
  await syncDirectory(directory);
  const opened = await identityOf(file);
  /** A file that was removed can be written to and read as long as it is open: what goes into it is lost then. */
  const checkInPlace = async (): Promise<void> => {
    if ((await identityOf(file)) === opened) return;
    throw new Error(
      `${file} was removed or replaced while the hub runs: nothing is stored. Put it back, or stop the hub and start it again`,
    );
  };
  const queue = createSerialQueue();
  const reads = new Set<Promise<unknown>>();

  const disconnect = async () => {
    await Promise.all(reads);
    connected?.writer.closeSync();
    connected?.instance.closeSync();
    connected = undefined;
  };

  const transaction = async <T>(work: (writer: DuckDBConnection) => Promise<T>): Promise<T> => {
    await checkInPlace();
    connected ??= await connect(file, memory);
    const { writer } = connected;
    try {
      await writer.run('BEGIN');
      const result = await work(writer);
      await writer.run('COMMIT');
      await checkInPlace();
      return result;
    } catch (error) {
      // The next transaction then opens the database again: what it holds is what counts.
      if (isInvalidated(error as Error) || !(await rollBack(writer))) await disconnect();
      throw error;
    }
  };

  const readOnce = async <T>(work: (reader: DuckDBConnection) => Promise<T>): Promise<T> => {
    if (!connected) throw new Error(`the database of ${directory} is closed`);
    // Else what was written to a removed file would be found there, and called stored.
    await checkInPlace();
    const reader = await connected.instance.connect();
    try {
      await reader.run('BEGIN READ ONLY');
      return await work(reader);
    } finally {
      reader.closeSync(); // ends the transaction too
    }
  };

  return {
    transact: (work) => queue.run(() => transaction(work)),
    read(work) {
      const result = readOnce(work);
      const ended = result.then(
        () => undefined,
        () => undefined,
      );
      reads.add(ended);
      void ended.then(() => reads.delete(ended));
      return result;
    },
    async close() {
      await queue.idle();
      await disconnect();
      openHere.delete(file);
    },
  };
}

/** Undefined = there is none. */
async function identityOf(file: string): Promise<string | undefined> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  return found && `${found.dev}/${found.ino}`;
}

interface Connected {
  instance: DuckDBInstance;
  writer: DuckDBConnection;
}

async function connect(file: string, memory: string): Promise<Connected> {
  // fromCache, not create: a second create() of one file would drop the process's lock on it.
  const instance = await DuckDBInstance.fromCache(file, { memory_limit: memory, threads: '2' });
  return { instance, writer: await instance.connect() };
}

/** After some write errors DuckDB refuses everything until the database is opened again. */
const isInvalidated = (error: Error): boolean => /FATAL Error|has been invalidated/i.test(error.message);

/** False = the connection is in no state to go on. A COMMIT that failed has ended the transaction by itself. */
async function rollBack(writer: DuckDBConnection): Promise<boolean> {
  try {
    await writer.run('ROLLBACK');
    return true;
  } catch (error) {
    return /no transaction is active/i.test((error as Error).message);
  }
}
