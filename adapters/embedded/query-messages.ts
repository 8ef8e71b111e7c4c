import { type RefusedQuery, refuseQuery } from './query-guard.ts';
import type { QueryColumn, QueryValue } from './query-rows.ts';
import type { OpenSnapshot } from './query-snapshot.ts';

/** A row of the view `streams`: names and units, which records do not repeat. */
export interface StreamRow {
  node: string;
  stream: string;
  kind: string;
  unit: string | null;
  priority: string;
}

/** What holds for all queries of one process. */
export interface QuerySetup {
  /** That hold the records' files; nothing else can be read. */
  folders: readonly string[];
  streams: readonly StreamRow[];
  /** A query is interrupted after so many ms, the wait for its turn not counted. */
  timeoutMs: number;
  memoryBytes: number;
  /** @default 2 */
  threads?: number;
  /** @default 10000 */
  maxRows?: number;
  /** Of the rows as JSON. @default 16 MiB */
  maxResultBytes?: number;
}

export const DEFAULT_RESULT_BYTES = 16 * 1024 ** 2;

/** From the hub to the process of its queries: the setup first, then one query after the answer to the last. */
export type QueryRequest =
  | { setup: QuerySetup }
  /** Without a snapshot the last one still holds. */
  | { sql: string; snapshot?: OpenSnapshot };

export type QueryReply =
  | { ready: true; residentBytes: number }
  | { answer: QueryResult; residentBytes: number }
  /** Nothing that a query did: the files cannot be read, or a bug. */
  | { failed: string }
  /** Told again and again while a query runs, where the hub cannot see it by itself. */
  | { residentBytes: number };

export type QueryResult =
  | { ok: true; columns: QueryColumn[]; rows: QueryValue[][]; truncated: boolean; ms: number }
  | RefusedQuery;

export const tooSlow = (timeoutMs: number): RefusedQuery =>
  refuseQuery('too-slow', `interrupted after ${timeoutMs} ms, the time allowed`);

export const tooMuchMemory = (memoryBytes: number): RefusedQuery =>
  refuseQuery('too-much-memory', `more than ${memoryBytes} bytes, the memory allowed`);
