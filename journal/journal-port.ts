import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import type { FateBook, Outcome } from '../core/lane-fates.ts';
import type { Lane } from '../core/priority.ts';
import type { Range, RangeSet } from '../core/ranges.ts';
import type { JournalLane, StateDelta } from './commit-codec.ts';

/** The durable queue of one producer, as sense and forward see it: in this thread, in a worker, or simulated. */
export interface Journal {
  /** Reads back what is there and starts a new epoch. Rejects if the directory cannot be used. */
  open(): Promise<JournalOpening>;
  /** Durable when it resolves with ok; with !ok nothing of it happened, now or after a restart. */
  append(commit: Commit): Promise<AppendResult>;
  /** Records of one lane from `from` on, at most `maxRecords` and, but for the first block, `maxBytes`. */
  read(request: ReadRequest): Promise<ReadResult>;
  /**
   * Notes what became of records. Kept lazily: after a crash a delivered record may be sent once more, which the far
   * side knows and answers. Segments whose records all have a fate are recycled, after this note is durable.
   */
  settle(outcomes: readonly Outcome[]): Promise<void>;
  /** Keeps which far side the fates are about. Best effort: it is told again with the next connection. */
  noteFarSide(id: string): Promise<void>;
  status(): Promise<JournalStatus>;
  close(): Promise<void>;
}

export interface Commit {
  lanes: readonly { lane: JournalLane; count: number; bytes: Uint8Array }[];
  state: StateDelta;
  /** Wall clock minus monotonic clock by which the readings without a time of their own were dated. */
  clockOffsetMs: number;
}

export type AppendResult =
  | { ok: true; monotonicMs: number; lanes: readonly { lane: JournalLane; first: number; count: number }[] }
  | { ok: false; reason: 'journal-full' | 'journal-failed'; detail: string };

export interface ReadRequest extends Range {
  epoch: Epoch;
  lane: Lane;
  maxRecords: number;
  maxBytes: number;
}

/** `parts` cover [request.from, to) but for `missing`: positions that no readable block holds. */
export interface ReadResult {
  to: number;
  parts: readonly ReadPart[];
  missing: RangeSet;
}
export interface ReadPart extends Range {
  wallMs: number;
  monotonicMs: number;
  bytes: Uint8Array;
}

export interface JournalOpening {
  epoch: Epoch;
  /** Everything ever committed under the keys of `state`. */
  state: Record<string, JsonValue>;
  /** Records enqueued per lane 0..3 before this epoch. */
  enqueued: readonly number[];
  /** Older epochs with records on disk, oldest first: what is on disk of each lane, and where the lane ends. */
  epochs: readonly OldEpoch[];
  fates: FateBook;
  /** Damaged places found in the life of the directory. Their counters may be gone with them; records are found out. */
  damages: number;
  localHeld: number;
}
export interface OldEpoch {
  epoch: Epoch;
  lanes: readonly { available: RangeSet; end: number }[];
}

export interface JournalStatus {
  bytes: number;
  segments: number;
  /** Records that stay local and are still on disk. */
  localHeld: number;
  /** fdatasync calls, commits and bytes written since opening. */
  syncs: number;
  commits: number;
  written: number;
  /** Why the last append failed, while it does. */
  trouble: string | undefined;
}
