import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import { epochsIn, type FateBook, fatesOf, finished, laneName } from '../core/lane-fates.ts';
import type { Disk } from '../core/ports.ts';
import { LANES, type Lane } from '../core/priority.ts';
import { rangeSetOf } from '../core/ranges.ts';
import type { AgeStamp } from './age-clock.ts';
import { type Aside, mayHoldData } from './aside.ts';
import { decodeCarried, positionsIn, seriesIn } from './carried-codec.ts';
import { applyDelta, type CommitBlock, decodeCommit } from './commit-codec.ts';
import type { OldEpoch, OldLane } from './journal-port.ts';
import { type JournalSnapshot, RECORDS_LOG } from './journal-snapshot.ts';
import type { LogKeys } from './key-ring.ts';
import { type RecoveredLog, recoverLog, segmentFile } from './segment-files.ts';
import { unpackEnds, unpackSpans } from './span-codec.ts';
import {
  type CarriedRange,
  growSpan,
  growSpanByCarried,
  growSpanTo,
  newSpan,
  noPositions,
  type SegmentSpan,
} from './spans.ts';

export interface RecoveredJournal {
  spans: SegmentSpan[];
  epochs: OldEpoch[];
  /** Records enqueued per lane in all epochs so far. */
  enqueued: number[];
  state: Record<string, JsonValue>;
  /** Above all series numbers that the readable blocks say were given. */
  series: number;
  truncated: Record<string, number>;
  nextSegment: number;
  damages: number;
  /** All epochs that the newest readable head names, whatever became of them. */
  named: ReadonlySet<Epoch>;
  /** Of the newest commit that can be read. */
  stamp: AgeStamp | undefined;
  /** Removes files that never held anything, which a crash in the middle of a roll leaves; others are kept aside. */
  removeOrphans(): Promise<void>;
}

/**
 * Reads back what the directory holds. Cost: the newest segment (the one before it too, if its head is damaged).
 * @param book what forward knows: a position with a fate was enqueued, even if its block is gone
 */
export async function recoverJournal(
  disk: Disk,
  keys: LogKeys,
  book: FateBook,
  aside: Aside,
): Promise<RecoveredJournal> {
  const log = await recoverLog(disk, RECORDS_LOG, keys, aside);
  const snapshot = log.head?.snapshot as JournalSnapshot | undefined;
  const state = snapshot?.state ?? {};
  const spans = snapshot
    ? [...unpackSpans(snapshot.spans), newSpan(log.head!.segment, snapshot.epoch, snapshot.positions)]
    : [];
  const { found, truncated } = blocksOf(log);
  let stamp = snapshot?.stamp;
  let series = snapshot?.series ?? 0;
  for (const { segment, epoch, commit, carried } of found) {
    const span = findOrAdd(spans, segment, epoch);
    if (carried) {
      series = Math.max(series, seriesIn(carried));
      growSpanTo(span, positionsIn(carried));
      growSpanByCarried(span, decodeCarried(carried));
    }
    if (!commit) continue;
    applyDelta(state, commit.state);
    series = Math.max(series, commit.series);
    growSpanTo(span, commit.positions);
    growSpan(span, commit.lanes, commit.ageMs);
    stamp = { ageMs: commit.ageMs, wallMs: commit.wallMs, synced: commit.synced };
  }
  const present = spans.filter((span) => log.segments.includes(span.segment));
  for (const span of present) {
    span.bytes = await disk.size(segmentFile(RECORDS_LOG, span.segment));
    span.room ||= span.bytes; // of the newest ones nobody noted it
  }
  const orphans = log.segments.filter((number) => !present.some((span) => span.segment === number));
  const carried = carriedByLane(present);
  const known = createKnown(present, carried, snapshot, book);
  return {
    spans: present,
    epochs: known.epochs.map((epoch) => ({
      epoch,
      lanes: LANES.map((lane) => oldLane(present, carried, known, epoch, lane)),
    })),
    enqueued: enqueuedUntil(snapshot, spans, known),
    state,
    series,
    truncated,
    nextSegment: (log.segments.at(-1) ?? 0) + 1,
    damages: (snapshot?.damages ?? 0) + log.damages + known.lostTails(),
    named: new Set([...(snapshot?.spans.epochs ?? []), ...known.epochs]),
    stamp,
    async removeOrphans() {
      for (const number of orphans) {
        const name = segmentFile(RECORDS_LOG, number);
        const isCutOff = truncated[number] !== undefined;
        if (isCutOff || !mayHoldData(await disk.read(name, 0, await disk.size(name)), number)) await disk.remove(name);
        else await aside.keepFile(name);
      }
      if (orphans.length > 0) await disk.syncDirectory();
    },
  };
}

interface FoundBlock {
  segment: number;
  epoch: Epoch;
  commit?: CommitBlock;
  /** Payload with records that were carried on. */
  carried?: Uint8Array;
}

/**
 * The blocks after the head that count. A commit that failed has the number of the one that took its place: it is cut off
 * even if the head that said so is the one that cannot be read.
 */
function blocksOf(log: RecoveredLog): { found: FoundBlock[]; truncated: Record<string, number> } {
  const truncated = { ...log.truncated };
  const found: FoundBlock[] = [];
  const firstNumbers = new Map<Epoch, number>();
  for (const { segment, epoch, offset, kind, payload } of log.blocks.toReversed()) {
    if (kind === 'carried') {
      found.push({ segment, epoch, carried: payload });
      continue;
    }
    const commit = decodeCommit(payload);
    if (commit.number < (firstNumbers.get(epoch) ?? Number.POSITIVE_INFINITY)) {
      firstNumbers.set(epoch, commit.number);
      found.push({ segment, epoch, commit });
    } else truncated[segment] = Math.min(offset, truncated[segment] ?? offset);
  }
  return { found: found.toReversed(), truncated };
}

function findOrAdd(spans: SegmentSpan[], segment: number, epoch: Epoch): SegmentSpan {
  const known = spans.find((span) => span.segment === segment);
  if (known) return known;
  // It begins where the one before it ends, even if its own first blocks cannot be read: what they held is missed.
  const before = spans.findLast((span) => span.epoch === epoch);
  const added = newSpan(segment, epoch, before?.end ?? noPositions());
  spans.push(added);
  return added;
}

/** What is known of the epochs that anything is still to be said of. */
interface Known {
  /** Oldest first. */
  epochs: Epoch[];
  /** Where a lane ends: a position with a fate was enqueued, even if the last block of its epoch is unreadable by now. */
  end(epoch: Epoch, lane: Lane): number;
  /** Epochs of which forward knows fates beyond the last readable block: that block was acknowledged, and is gone. */
  lostTails(): number;
}

function createKnown(
  spans: readonly SegmentSpan[],
  carried: Carried,
  snapshot: JournalSnapshot | undefined,
  book: FateBook,
): Known {
  const ends = snapshot ? unpackEnds(snapshot.spans) : [];
  const stated = new Map(ends.filter(([epoch]) => !book.gone?.includes(epoch)));
  // Those that only the book knows have nothing on disk any more, so they are older than all others.
  const ordered = new Set([...stated.keys(), ...spans.map((span) => span.epoch)]);
  const epochs = [...epochsIn(book).filter((epoch) => !ordered.has(epoch)), ...ordered];
  const ofFates = (epoch: Epoch, lane: Lane): number => finished(fatesOf(book, epoch, lane)).at(-1)?.to ?? 0;
  const readable = (epoch: Epoch, lane: Lane): number => {
    const own = spans.filter((span) => span.epoch === epoch).map((span) => span.end[lane]!);
    const elsewhere = (carried.get(laneName(epoch, lane)) ?? []).map(({ to }) => to);
    return Math.max(0, stated.get(epoch)?.[lane] ?? 0, ...own, ...elsewhere);
  };
  return {
    epochs,
    end: (epoch, lane) => Math.max(readable(epoch, lane), ofFates(epoch, lane)),
    lostTails: () =>
      epochs.filter((epoch) => {
        const isOnDisk = spans.some((span) => span.epoch === epoch);
        return isOnDisk && LANES.some((lane) => ofFates(epoch, lane) > readable(epoch, lane));
      }).length,
  };
}

/** By name of the lane: after an outage with many starts there are very many. */
type Carried = ReadonlyMap<string, readonly CarriedRange[]>;

function carriedByLane(spans: readonly SegmentSpan[]): Carried {
  const byLane = new Map<string, CarriedRange[]>();
  for (const range of spans.flatMap(({ carried }) => carried)) {
    const name = laneName(range.epoch, range.lane);
    const known = byLane.get(name);
    if (known) known.push(range);
    else byLane.set(name, [range]);
  }
  return byLane;
}

function oldLane(spans: readonly SegmentSpan[], carriedOf: Carried, known: Known, epoch: Epoch, lane: Lane): OldLane {
  const own = spans.filter((span) => span.epoch === epoch);
  const carried = carriedOf.get(laneName(epoch, lane)) ?? [];
  const marks = [
    ...own.flatMap((span) => span.marks.map(({ ageMs, end }) => ({ to: end[lane]!, ageMs }))),
    ...carried.map(({ to, ageMs }) => ({ to, ageMs })),
  ];
  return {
    available: rangeSetOf([...own.map((span) => ({ from: span.start[lane]!, to: span.end[lane]! })), ...carried]),
    end: known.end(epoch, lane),
    marks: marks.sort((a, b) => a.to - b.to).filter(({ to }, at, all) => to > (all[at - 1]?.to ?? 0)),
  };
}

/** What the newest head counted before its epoch, and the epochs since. */
function enqueuedUntil(snapshot: JournalSnapshot | undefined, spans: readonly SegmentSpan[], known: Known): number[] {
  const first = snapshot ? spans.findIndex((span) => span.epoch === snapshot.epoch) : 0;
  const since = [...new Set(spans.slice(first).map((span) => span.epoch))];
  return LANES.map((lane) => {
    const counted = snapshot?.enqueued[lane] ?? 0;
    return since.reduce((sum, epoch) => sum + known.end(epoch, lane), counted);
  });
}
