import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where bench/peers/install.ts puts what this package does not depend on. BENCH_PEERS names another folder. */
export const PEERS = process.env.BENCH_PEERS ?? join(homedir(), '.cache', 'headwater-bench');
export const BETTER_SQLITE3 = '12.11.1';
export const NATS_SERVER = 'v2.15.2';

/** A thing to compare with, or why it is not there. */
export type Peer<T> = { ok: true; peer: T } | { ok: false; reason: string };

export interface SqliteStatement {
  run(...values: unknown[]): { changes: number };
  all(...values: unknown[]): unknown[];
  get(...values: unknown[]): unknown;
}
export interface SqliteDatabase {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): SqliteStatement;
  transaction<Args extends unknown[]>(run: (...args: Args) => void): (...args: Args) => void;
  close(): unknown;
}

/** better-sqlite3 with the settings under which a commit is durable. */
export function findSqlite(): Peer<(path: string) => SqliteDatabase> {
  const from = join(PEERS, 'package.json');
  if (!existsSync(from)) return missing('better-sqlite3');
  try {
    const Database = createRequire(from)('better-sqlite3') as new (path: string) => SqliteDatabase;
    return {
      ok: true,
      peer: (path) => {
        const database = new Database(path);
        database.pragma('journal_mode = WAL');
        database.pragma('synchronous = FULL');
        return database;
      },
    };
  } catch (error) {
    return { ok: false, reason: `better-sqlite3 does not load from ${PEERS}: ${(error as Error).message}` };
  }
}

/** Path of the server. */
export function findNats(): Peer<string> {
  const path = join(PEERS, 'bin', 'nats-server');
  return existsSync(path) ? { ok: true, peer: path } : missing('nats-server');
}

/** Path of the broker: Debian puts it outside a user's PATH. */
export function findMosquitto(): Peer<string> {
  const path = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', '/usr/bin/mosquitto'].find(existsSync);
  return path
    ? { ok: true, peer: path }
    : { ok: false, reason: 'mosquitto is not installed (Debian: apt-get install mosquitto)' };
}

/** Compiles a C file; gives the path of the program. */
export function compile(source: string, into: string): Peer<string> {
  try {
    execFileSync('cc', ['-O2', '-o', into, source], { stdio: 'pipe' });
    return { ok: true, peer: into };
  } catch (error) {
    return { ok: false, reason: `no C program: ${(error as Error).message.split('\n')[0]}` };
  }
}

const missing = (name: string): { ok: false; reason: string } => ({
  ok: false,
  reason: `${name} is not in ${PEERS}: run "npm run bench:peers"`,
});
