import type { JsonValue } from '../core/filters/filter.ts';
import type { Meter } from '../core/forward/budget.ts';
import type { Epoch } from '../core/identity.ts';
import type { DeadLetterReason, FateBook, Outcome } from '../core/lane-fates.ts';
import type { Lane } from '../core/priority.ts';
import type { Range, RangeSet } from '../core/ranges.ts';
import type { JournalLane, StateDelta } from './commit-codec.ts';
import type { LocalRequest, LocalResult } from './local-reader.ts';

/** The durable queue of one producer, as sense and forward see it: in this thread, in a worker, or simulated. */
export interface Journal extends DeadLetterStore {
  /** Reads back what is there and starts a new epoch. Rejects if the directory cannot be used. */
  open(): Promise<JournalOpening>;
  /**
   * Durable when it resolves with ok. With !ok nothing of it happened, now or after a restart; but of the last one that the
   * disk refused this holds only from the next ok or the close on (docs/journal.md).
   */
  append(commit: Commit): Promise<AppendResult>;
  /** Records of one lane from `from` on, at most `maxRecords` and, but for the first block, `maxBytes`. */
  read(request: ReadRequest): Promise<ReadResult>;
  /**
   * Notes what became of records. Kept lazily: after a crash a delivered record may be sent once more, which the far
   * side knows and answers. Segments whose records all have a fate are recycled, after this note is durable.
   */
  settle(outcomes: readonly Outcome[]): Promise<void>;
  /** What was handed out to be sent is not on its way any more: it may be evicted again. What was not lent is passed over. */
  release(ranges: readonly LentRange[]): Promise<void>;
  /** Keeps which far side the fates are about. Best effort: it is told again with the next connection. */
  noteFarSide(id: string, uplink: string): Promise<void>;
  /** Keeps what was sent and received of the data budgets. Best effort. */
  noteMeter(meter: Meter): Promise<void>;
  /** Writes with a new key from now on; the old ones go with the last block that needs them. Rejects if the disk refuses. */
  rotateKeys(): Promise<void>;
  /** What stayed local, a page at a time. */
  readLocal(request: LocalRequest): Promise<LocalResult>;
  status(): Promise<JournalStatus>;
  close(): Promise<void>;
}

/**
 * Records that ran out of retries, kept beside the queue with what they hold, bounded: the oldest are discarded for
 * newer ones, and that is noted as `discarded`.
 */
export interface DeadLetterStore {
  /**
   * Copies the records of a range out of the queue. Durable when it resolves; it gives them no fate: the caller settles
   * `buried` as dead-lettered next. Until then, and if a record is delivered after all, its copy counts for nothing; a
   * range that is buried again replaces its older copy. Rejects if the disk refuses: then ask again later.
   */
  bury(letter: Burial): Promise<BurialResult>;
  /** What is dead-lettered by the book of fates and can be replayed, oldest first, without the records' bytes. */
  deadLetters(): Promise<DeadLetter[]>;
  /** A dead letter with its records; undefined if it is not there, or none of its records is dead any more. */
  letter(id: string): Promise<LetterContent | undefined>;
  /**
   * Brings the records of dead letters back into the queue under their old epoch, lane and positions, and notes them as
   * `replayed`, durably, in this order. The outcomes are for the forwarder (`replayed`); ids that are not there are
   * passed over. Rejects if the disk refuses.
   */
  exhume(ids: readonly string[]): Promise<Extract<Outcome, { fate: 'replayed' }>[]>;
  /** Removes the records of dead letters for good and notes them as `discarded`. The outcomes are for the forwarder. */
  discard(ids: readonly string[]): Promise<Extract<Outcome, { fate: 'discarded' }>[]>;
}

export interface Burial extends Range {
  epoch: Epoch;
  lane: Lane;
  /** What the last failure was. */
  reason: DeadLetterReason;
  /** How often the records were sent and failed. */
  attempts: number;
}
export interface BurialResult {
  buried: RangeSet;
  /** On no readable block. What has a fate by now is in neither. */
  missing: RangeSet;
  /** Of `buried`: there was no room to keep its records. The caller settles them as discarded, after the burial. */
  unkept: RangeSet;
  /** Older letters that made way; noted already. */
  discarded: readonly Extract<Outcome, { fate: 'discarded' }>[];
}
/** One buried range, or what is left of it. */
export interface DeadLetter extends Burial {
  id: string;
  /** Wall clock of the burial, ms. */
  buriedMs: number;
}
/** What is left of one letter. */
export interface LetterContent {
  letters: readonly DeadLetter[];
  /** Undefined: its file is damaged, it can only be discarded. */
  parts: readonly ReadPart[] | undefined;
}

export interface Commit {
  lanes: readonly { lane: JournalLane; count: number; bytes: Uint8Array }[];
  state: StateDelta;
  /** Above the numbers of all series that it names. @default 0 it names none */
  series?: number;
  /** Wall clock minus monotonic clock by which the readings without a time of their own were dated. */
  clockOffsetMs: number;
}

export type AppendResult = (
  | { ok: true; monotonicMs: number; lanes: readonly { lane: JournalLane; first: number; count: number }[] }
  | { ok: false; reason: 'journal-full' | 'journal-failed'; detail: string }
) & {
  /** What had to go to make room, whether or not that was enough. It is noted already. */
  evicted: readonly Outcome[];
  /** By so many ms everything of earlier openings is older than was known until now (age-clock.ts). */
  agedMs: number;
};

export interface ReadRequest extends Range {
  epoch: Epoch;
  lane: Lane;
  maxRecords: number;
  maxBytes: number;
  /** What is handed out is to be sent: it is not evicted for so long, or until it has a fate or is released. @default 0 */
  leaseMs?: number;
}
export interface LentRange extends Range {
  epoch: Epoch;
  lane: Lane;
}

/**
 * `parts` cover [request.from, to) but for `missing`, positions that no readable block holds, and for what has a fate by
 * now.
 */
export interface ReadResult {
  to: number;
  parts: readonly ReadPart[];
  missing: RangeSet;
}
export interface ReadPart extends Range {
  wallMs: number;
  monotonicMs: number;
  ageMs: number;
  bytes: Uint8Array;
}

export interface JournalOpening {
  epoch: Epoch;
  /** Everything ever committed under the keys of `state`. */
  state: Record<string, JsonValue>;
  /**
   * Above all series numbers ever given, also those whose names have rotted: a number that is given again would send
   * records under another stream's name.
   */
  series: number;
  /** Records enqueued per lane 0..3 before this epoch. */
  enqueued: readonly number[];
  /** Older epochs with records on disk, oldest first: what is on disk of each lane, and where the lane ends. */
  epochs: readonly OldEpoch[];
  fates: FateBook;
  /** Damaged places found in the life of the directory. Their counters may be gone with them; records are found out. */
  damages: number;
  localHeld: number;
  /** The directory's age clock at the opening (age-clock.ts). */
  ageMs: number;
}
export interface OldEpoch {
  epoch: Epoch;
  lanes: readonly OldLane[];
}
export interface OldLane {
  available: RangeSet;
  end: number;
  /** Ascending: positions below `to`, and not below that of an earlier mark, were enqueued at `ageMs` or earlier. */
  marks: readonly { to: number; ageMs: number }[];
}

export interface JournalStatus {
  bytes: number;
  segments: number;
  /** Records that stay local and are still on disk. */
  localHeld: number;
  /** Segments with such records, ascending: a number is never used again. */
  localSegments: readonly number[];
  /** fdatasync calls, commits and bytes written since opening. */
  syncs: number;
  commits: number;
  written: number;
  /** Why the last append failed, while it does. */
  trouble: string | undefined;
}
