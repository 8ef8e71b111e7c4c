import type { Envelope, EnvelopeHeader } from './envelope.ts';
import type { JsonValue } from './filters/filter.ts';
import type { TrafficClass } from './flow.ts';
import type { Hash64, LaneKey } from './identity.ts';
import type { CountStatement, Refusal } from './messages.ts';
import type { Range, RangeSet } from './ranges.ts';
import type { ClockState, RawReading, ReadingRefusal } from './reading.ts';

/** The world outside, as the logic sees it. Every port has an in-memory twin for tests and the simulator. */

export type Cancel = () => void;

export interface Clock {
  /** ms since 1970 UTC; may jump. */
  wallMs(): number;
  /** ms, never goes back; its zero means nothing. */
  monotonicMs(): number;
  /** Whether the wall clock can be trusted yet. */
  state(): ClockState;
  /** Runs once after so many ms of monotonic time. */
  after(ms: number, run: () => void): Cancel;
}

export interface Random {
  /** 64 random bits. */
  u64(): bigint;
  /** 0 ≤ x < 1 */
  fraction(): number;
}

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Who did what to what, and whether it was allowed. Written for a reviewer, kept apart from the log. */
export interface Audit {
  record(event: AuditEvent): void;
}
export interface AuditEvent {
  actor: string;
  action: string;
  target: string;
  outcome: 'allowed' | 'refused';
  reason?: string;
}

/** One directory. Adapters may answer at once or later; the caller awaits either way. */
export interface Disk {
  list(): Awaitable<string[]>;
  /** A new, empty file opened for writing; fails if it exists. */
  create(name: string): Awaitable<DiskFile>;
  /** A file that exists, opened for writing anywhere in it. */
  open(name: string): Awaitable<DiskFile>;
  /**
   * A new file of so many zeros, whose content is durable when it resolves; its name is not yet. Works beside other
   * calls and never blocks the thread. Fails if the file exists; a failure may leave a shorter file.
   */
  prepare(name: string, bytes: number): Promise<void>;
  /** All or nothing, even in a power cut; replaces what had the name `to`. Durable with syncDirectory. */
  rename(from: string, to: string): Awaitable<void>;
  /** Bytes [offset, offset + length), fewer at the end of the file. */
  read(name: string, offset: number, length: number): Awaitable<Uint8Array>;
  size(name: string): Awaitable<number>;
  /** Removing a name that is not there does nothing. */
  remove(name: string): Awaitable<void>;
  /** Makes durable what a file holds, whoever wrote it: a process that was killed may have left it unsynced. */
  sync(name: string): Awaitable<void>;
  /** Makes created, removed and renamed names durable. */
  syncDirectory(): Awaitable<void>;
}
export interface DiskFile {
  /** Overwrites from `offset` on; beyond the end the file grows. */
  write(offset: number, bytes: Uint8Array): Awaitable<void>;
  /** fdatasync: what was written survives a power cut. */
  sync(): Awaitable<void>;
  close(): Awaitable<void>;
}
export type Awaitable<T> = T | Promise<T>;

/** Readings on their way from a source to the journal. */
export interface SourceBatch {
  readings: readonly RawReading[];
  /** What could not even become a raw reading, such as a broken line. */
  refused?: readonly RefusedInput[];
  /** Where the source stands after this batch; committed with it. */
  position?: JsonValue;
  /** Small values under keys of the source's own, committed with it and given back at the next start. */
  state?: SourceState;
  /**
   * If nothing of its commit is kept, its fate may be up to 200 ms late, so that many share one flush.
   * @default false
   */
  mayLinger?: boolean;
}
export type SourceState = Readonly<Record<string, JsonValue>>;
export interface RefusedInput {
  reason: ReadingRefusal;
  detail: string;
  origin?: string;
}

export interface SourceSink {
  /**
   * Resolves once the fate of every reading of the batch is durable: `committed`. `not-now` = the journal cannot
   * take it: nothing of the batch has a fate yet, offer it again later. Only sources that said `canWait` see it.
   */
  offer(batch: SourceBatch): Promise<'committed' | 'not-now'>;
}

/** Where readings come from. */
export interface Source {
  /** Can hold a batch back and offer it again (a file can, a live signal cannot). */
  canWait: boolean;
  /**
   * Runs until there is nothing more or the signal aborts; never rejects for bad input.
   * @param position as committed last, undefined at the very first start
   * @param state everything that was ever committed under the source's own keys
   */
  run(sink: SourceSink, position: JsonValue | undefined, signal: AbortSignal, state: SourceState): Promise<void>;
}

/** Where refused input is kept so that an operator can look at it; bounded. */
export interface Quarantine {
  put(entry: QuarantineEntry): void;
}
export interface QuarantineEntry {
  at: string;
  source: string;
  reason: ReadingRefusal;
  detail: string;
  device?: string;
  stream?: string;
  origin?: string;
}

/** The way from a node to its far side. Delivery is never certain here: only an answer is. */
export interface Uplink {
  /** Resolves when the transport took the message, rejects when it could not. Neither says that it is stored. */
  send(traffic: TrafficClass, payload: Uint8Array): Promise<void>;
  /** The answers of the far side. One listener. */
  onAnswer(listen: (payload: Uint8Array) => void): void;
  /** Called with true at each new connection, with false at each loss. One listener. */
  onLink(listen: (connected: boolean) => void): void;
  /** Name of the uplink of the fleet file that is in use now. */
  using(): string;
  /**
   * Whether a connection is needed. While it is not, there is none and none is tried for, so that a modem can sleep; what
   * was sent and not answered should have been waited for. From the start it is.
   */
  wanted(isWanted: boolean): void;
  close(): Promise<void>;
}

/** What the far side knows of one lane. `version` grows with each change. */
export interface LaneIndex {
  version: number;
  stored: RangeSet;
  givenUp: RangeSet;
}
export const EMPTY_LANE: LaneIndex = { version: 0, stored: [], givenUp: [] };

/** A range with the hash it came with. */
export interface HashedRange extends Range {
  key: LaneKey;
  hash: Hash64;
}

/**
 * Everything one batch changes. What it changes of one lane becomes durable and visible together, or nothing of it; so
 * does the whole, unless the store has to cut a change of very many lanes.
 */
export interface StoreChange {
  lanes: readonly { key: LaneKey; expectedVersion: number; stored: RangeSet; givenUp: RangeSet }[];
  hashes: readonly HashedRange[];
  envelopes: readonly StoredEnvelope[];
  /** The latest word of a node on each lane, one a lane. */
  statements: readonly StatedLane[];
  storedAtMs: number;
}
/** An envelope to store: `records[i]` has the position `positions[i]`. */
export interface StoredEnvelope {
  header: EnvelopeHeader;
  records: Envelope['records'];
  positions: readonly number[];
}
export interface StatedLane {
  key: LaneKey;
  upTo: number;
  delivered: number;
  /** Records of all lanes that the node has finished with and names no more. @default 0 */
  forgotten?: number;
}
/** A message that could not be taken, kept for the operator. */
export interface PoisonMessage {
  client: string;
  reason: Refusal;
  detail: string;
  payload: Uint8Array;
  atMs: number;
}

/** The store of record and its index: DuckDB in the hub, S3 and DynamoDB in the cloud, memory in tests. */
export interface RecordStore {
  /** Random, made once: a restored or new store is another far side. */
  readonly id: string;
  /** A consistent read; EMPTY_LANE for a lane never seen. */
  readLanes(keys: readonly LaneKey[]): Promise<LaneIndex[]>;
  /** The hash kept for exactly this range, if any. */
  findHashes(ranges: readonly { key: LaneKey; from: number; to: number }[]): Promise<(Hash64 | undefined)[]>;
  /** `conflict` = a lane's version is not the expected one; of that lane nothing was changed. Read again and plan anew. */
  commit(change: StoreChange): Promise<'committed' | 'conflict'>;
  /** How many lanes it has heard of from this node, in envelopes or count statements. */
  laneCount(node: string): Promise<number>;
  /** All of them become durable together, or none; within its own bounds, beyond which the oldest go. */
  putAside(poison: readonly PoisonMessage[]): Promise<void>;
}

export type LaneCounts = CountStatement['lanes'][number];
