import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import { emptyFateBook, enterOutcomes, type FateBook, type Outcome } from '../core/lane-fates.ts';
import type { Disk } from '../core/ports.ts';
import type { Lane } from '../core/priority.ts';
import { createSegmentLog, recoverLog, segmentNumbers } from './segment-log.ts';

/** Where forward writes what became of records. Only forward writes it; the producer reads it to recycle. */
export interface ForwardLog {
  book: FateBook;
  /** Damaged places found in the life of the log: fates may be lost with them. */
  damages: number;
  /** Not durable by itself: see sync. */
  append(outcomes: readonly Outcome[]): Promise<void>;
  /** Keeps the id of the far side: it changes only when that one's store was replaced. */
  noteFarSide(id: string): Promise<void>;
  /** Durable when it resolves; only then may segments be recycled on it (docs/adr/0002-journal.md). */
  sync(): Promise<void>;
  bytes(): number;
  close(): Promise<void>;
}

const LOG = 'forward';
/** Generations are small: recovery reads one or two of them. */
const SEGMENT_BYTES = 256 * 1024;

interface ForwardSnapshot {
  book: FateBook;
  /** Kept here too: an opening that finds damage may not get as far as the records' own snapshot. */
  damages: number;
}

type Entry = [epoch: Epoch, lane: Lane, from: number, to: number, fate: Outcome['fate']];

/** @param epoch of the producer's opening: it only marks the blocks. */
export async function openForwardLog(disk: Disk, epoch: Epoch): Promise<ForwardLog> {
  const recovered = await recoverLog(disk, LOG);
  const snapshot = recovered.head?.snapshot as ForwardSnapshot | undefined;
  const book = snapshot?.book ?? emptyFateBook();
  const damages = (snapshot?.damages ?? 0) + recovered.damages;
  for (const { payload } of recovered.blocks) {
    const entries = JSON.parse(Buffer.from(payload).toString('utf8')) as Entry[];
    enterOutcomes(
      book,
      entries.map(([entryEpoch, lane, from, to, fate]) => ({ epoch: entryEpoch, lane, from, to, fate })),
    );
  }
  const log = createSegmentLog(disk, {
    log: LOG,
    epoch,
    nextSegment: (recovered.segments.at(-1) ?? 0) + 1,
    truncated: recovered.truncated,
    snapshot: () => ({ book, damages }) satisfies ForwardSnapshot as unknown as JsonValue,
  });
  let previousBytes = 0;
  const roll = async (): Promise<void> => {
    previousBytes = log.size;
    await log.roll();
    const numbers = await segmentNumbers(disk, LOG);
    await log.remove(numbers.slice(0, -2));
  };
  await roll();
  return {
    book,
    damages,
    async append(outcomes) {
      enterOutcomes(book, outcomes);
      if (log.size > SEGMENT_BYTES || !log.writable) return roll(); // its snapshot holds the outcomes already
      const entries = outcomes.map(({ epoch: of, lane, from, to, fate }): Entry => [of, lane, from, to, fate]);
      await log.append([Buffer.from(JSON.stringify(entries))], { sync: false });
    },
    async noteFarSide(id) {
      book.farSide = id;
      await roll(); // its snapshot holds the id
    },
    sync: () => (log.writable ? log.sync() : roll()),
    bytes: () => log.size + previousBytes,
    close: () => log.close(),
  };
}
