import type { JsonValue } from '../core/filters/filter.ts';
import type { Meter } from '../core/forward/budget.ts';
import type { Epoch } from '../core/identity.ts';
import {
  type DeadLetterReason,
  emptyFateBook,
  enterFarSide,
  enterOutcomes,
  type FateBook,
  type Outcome,
  outcomeOf,
} from '../core/lane-fates.ts';
import type { Disk } from '../core/ports.ts';
import type { Lane } from '../core/priority.ts';
import type { LogKeys } from './key-ring.ts';
import { recoverLog, segmentFile, segmentNumbers } from './segment-files.ts';
import { createSegmentLog } from './segment-log.ts';

/** Where forward writes what became of records. Only forward writes it; the producer reads it to recycle. */
export interface ForwardLog {
  book: FateBook;
  /** Damaged places found in the life of the log: fates may be lost with them. */
  damages: number;
  /** Not durable by itself: see sync. */
  append(outcomes: readonly Outcome[]): Promise<void>;
  /** Durable when it resolves, with everything before; if it rejects the book is as it was. */
  appendDurably(outcomes: readonly Outcome[]): Promise<void>;
  /** Keeps the id of the far side: it changes with the uplink, and when that one's store was replaced. */
  noteFarSide(id: string, uplink: string): Promise<void>;
  /** Not durable by itself. */
  noteMeter(meter: Meter): Promise<void>;
  /** Durable when it resolves; only then may segments be recycled on it (docs/adr/0002-journal.md). */
  sync(): Promise<void>;
  /** Begins a new generation, as with a new key. Durable when it resolves. */
  roll(): Promise<void>;
  bytes(): number;
  close(): Promise<void>;
}

const LOG = 'forward';
/** Generations are small: recovery reads one or two of them. */
const MAX_SEGMENT_BYTES = 256 * 1024;

interface ForwardSnapshot {
  book: FateBook;
  /** Kept here too: an opening that finds damage may not get as far as the records' own snapshot. */
  damages: number;
}

/** `reason` of a dead letter or of the last try, `count` of the tries. */
type Entry = [
  epoch: Epoch,
  lane: Lane,
  from: number,
  to: number,
  fate: Outcome['fate'],
  reason?: DeadLetterReason,
  count?: number,
];

const entryOf = (outcome: Outcome): Entry => {
  const { epoch, lane, from, to, fate } = outcome;
  switch (fate) {
    case 'dead-lettered':
      return [epoch, lane, from, to, fate, outcome.reason];
    case 'tried':
      return [epoch, lane, from, to, fate, outcome.reason, outcome.count];
    default:
      return [epoch, lane, from, to, fate];
  }
};

function outcomeOfEntry([epoch, lane, from, to, fate, reason, count]: Entry): Outcome {
  const range = outcomeOf({ epoch, lane }, { from, to });
  switch (fate) {
    case 'dead-lettered':
      return { ...range, fate, reason: reason! };
    case 'tried':
      return { ...range, fate, reason: reason!, count: count! };
    default:
      return { ...range, fate };
  }
}

/**
 * @param epoch of the producer's opening: it only marks the blocks
 * @param directoryBytes quota of the whole directory: generations are a small part of it
 */
export async function openForwardLog(
  disk: Disk,
  keys: LogKeys,
  epoch: Epoch,
  directoryBytes: number,
): Promise<ForwardLog> {
  const segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor(directoryBytes / 64));
  const recovered = await recoverLog(disk, LOG, keys);
  const snapshot = recovered.head?.snapshot as ForwardSnapshot | undefined;
  const book = snapshot?.book ?? emptyFateBook();
  const damages = (snapshot?.damages ?? 0) + recovered.damages;
  for (const { payload } of recovered.blocks) {
    const noted = JSON.parse(Buffer.from(payload).toString('utf8')) as Entry[] | { meter: Meter };
    if (Array.isArray(noted)) enterOutcomes(book, noted.map(outcomeOfEntry));
    else book.meter = noted.meter;
  }
  const log = createSegmentLog(disk, {
    log: LOG,
    keys,
    epoch,
    nextSegment: (recovered.segments.at(-1) ?? 0) + 1,
    truncated: recovered.truncated,
    roomBytes: segmentBytes,
    snapshot: () => ({ book, damages }) satisfies ForwardSnapshot as unknown as JsonValue,
  });
  const last = recovered.segments.at(-1);
  let previousBytes = last === undefined ? 0 : await disk.size(segmentFile(LOG, last));
  /** The file may say what the book does not: what is noted next goes into a new generation, whose snapshot is the book. */
  let isDisowned = false;
  const roll = async (): Promise<void> => {
    if (log.size > 0) previousBytes = log.fileBytes;
    await log.roll();
    isDisowned = false;
    const numbers = await segmentNumbers(disk, LOG);
    await log.recycle(numbers.slice(0, -2));
  };
  const mustRoll = (): boolean => isDisowned || !log.writable;
  const isFull = (): boolean => log.size - log.headBytes > segmentBytes;
  const note = async (noted: readonly Entry[] | { meter: Meter }): Promise<void> => {
    if (isFull() || mustRoll()) return roll(); // its snapshot holds it already
    await log.append([{ kind: 'fates', payload: Buffer.from(JSON.stringify(noted)) }], { sync: false });
  };
  const append: ForwardLog['append'] = (outcomes) => {
    enterOutcomes(book, outcomes);
    return note(outcomes.map(entryOf));
  };
  const sync: ForwardLog['sync'] = () => (mustRoll() ? roll() : log.sync());
  await roll();
  return {
    book,
    damages,
    append,
    async appendDurably(outcomes) {
      const before = { ...book.lanes };
      try {
        if (outcomes.length > 0) await append(outcomes);
        await sync();
      } catch (error) {
        book.lanes = before;
        isDisowned = true;
        throw error;
      }
    },
    noteMeter(meter) {
      book.meter = meter;
      return note({ meter });
    },
    async noteFarSide(id, uplink) {
      enterFarSide(book, id, uplink);
      await roll(); // its snapshot holds the id
    },
    sync,
    roll,
    bytes: () => log.fileBytes + previousBytes,
    close: () => log.close(),
  };
}
