import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import { epochsIn, fatesOf, finished } from '../core/lane-fates.ts';
import { LANES, type Lane } from '../core/priority.ts';
import { covers, type RangeSet } from '../core/ranges.ts';
import type { AgeClock } from './age-clock.ts';
import type { Aside } from './aside.ts';
import type { Ballast } from './ballast.ts';
import type { ForwardLog } from './forward-log.ts';
import type { LaneReader } from './lane-reader.ts';
import type { Leases } from './leases.ts';
import type { LetterFiles } from './letter-files.ts';
import type { SegmentLog } from './segment-log.ts';
import type { SegmentPool } from './segment-pool.ts';
import { epochsOnDisk, newSpan, type SegmentSpan } from './spans.ts';

/** What an open journal works with; each part changes it only after what it says is durable. */
export interface OpenJournal {
  epoch: Epoch;
  forward: ForwardLog;
  letters: LetterFiles;
  ballast: Ballast;
  pool: SegmentPool;
  aside: Aside;
  /** One a segment, oldest first; changed in place. */
  spans: SegmentSpan[];
  /** Where the lanes 0..3 of each earlier epoch end, oldest first. */
  ends: ReadonlyMap<Epoch, readonly number[]>;
  /** Where each journal lane of this epoch stands. */
  positions: number[];
  log: SegmentLog;
  state: Record<string, JsonValue>;
  /** Above all series numbers given so far. */
  series: number;
  reader: LaneReader;
  leases: Leases;
  age: AgeClock;
}

/** Everything that the journal takes of its quota. */
export const bytesOf = ({ spans, forward, pool, letters, aside }: OpenJournal): number =>
  bytesIn(spans) + forward.bytes() + pool.bytes() + letters.bytes() + aside.bytes();

export const bytesIn = (spans: readonly SegmentSpan[]): number => spans.reduce((sum, { bytes }) => sum + bytes, 0);

/** The span of the segment that is being written, as large as its file is now: a new one gets it with its first block. */
export function currentSpan({ spans, log, epoch, positions }: OpenJournal): SegmentSpan {
  const { segment, fileBytes, capacity, headBytes } = log;
  let span = spans.at(-1);
  if (span?.segment !== segment) {
    span = newSpan(segment, epoch, positions);
    spans.push(span);
  }
  span.bytes = fileBytes;
  span.room = Math.max(capacity, fileBytes) - headBytes;
  return span;
}

/** Epochs of which there are records on disk, or should be: what cannot be read any more waits for its fate too. */
export function epochsAtWork(journal: OpenJournal): Set<Epoch> {
  const { spans, letters, ends, forward } = journal;
  const waiting = [...ends].filter(
    ([epoch, ofLanes]) =>
      !forward.book.gone?.includes(epoch) &&
      LANES.some((lane) => !covers(finishedIn(journal, epoch, lane), { from: 0, to: ofLanes[lane]! })),
  );
  return new Set([
    ...epochsOnDisk(spans),
    ...letters.entries.map(({ epoch }) => epoch),
    ...waiting.map(([epoch]) => epoch),
  ]);
}

/** Those, and the ones of which the far side must still hear something. */
export const epochsAlive = (journal: OpenJournal): Set<Epoch> =>
  new Set([...epochsAtWork(journal), ...epochsIn(journal.forward.book)]);

/** Positions of a lane that have their fate. */
export const finishedIn = ({ forward }: OpenJournal, epoch: Epoch, lane: Lane): RangeSet =>
  finished(fatesOf(forward.book, epoch, lane));
