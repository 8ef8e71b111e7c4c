import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import { type FateBook, fatesOf, finished } from '../core/lane-fates.ts';
import type { Disk } from '../core/ports.ts';
import { LANES, type Lane } from '../core/priority.ts';
import { type RangeSet, rangeSetOf } from '../core/ranges.ts';
import { type CommitBlock, decodeCommit } from './commit-codec.ts';
import type { OldEpoch } from './journal-port.ts';
import { type JournalSnapshot, RECORDS_LOG } from './journal-snapshot.ts';
import { type RecoveredLog, recoverLog, segmentFile } from './segment-log.ts';
import { growSpan, growSpanTo, newSpan, noPositions, type SegmentSpan } from './spans.ts';

export interface RecoveredJournal {
  spans: SegmentSpan[];
  epochs: OldEpoch[];
  /** Records enqueued per lane in all epochs so far. */
  enqueued: number[];
  state: Record<string, JsonValue>;
  truncated: Record<string, number>;
  nextSegment: number;
  damages: number;
  /** Files of attempts that never held anything: a crash in the middle of a roll. */
  removeOrphans(): Promise<void>;
}

/**
 * Reads back what the directory holds. Cost: the newest segment (the one before it too, if its head is damaged).
 * @param book what forward knows: a position with a fate was enqueued, even if its block is gone
 */
export async function recoverJournal(disk: Disk, book: FateBook): Promise<RecoveredJournal> {
  const log = await recoverLog(disk, RECORDS_LOG);
  const snapshot = log.head?.snapshot as JournalSnapshot | undefined;
  const state = snapshot?.state ?? {};
  const spans = snapshot ? [...snapshot.spans, newSpan(log.head!.segment, snapshot.epoch, snapshot.positions)] : [];
  const { commits, truncated } = commitsOf(log);
  for (const { segment, epoch, commit } of commits) {
    const span = findOrAdd(spans, segment, epoch);
    Object.assign(state, commit.state);
    growSpanTo(span, commit.positions);
    growSpan(span, commit.lanes);
  }
  const present = spans.filter((span) => log.segments.includes(span.segment));
  for (const span of present) span.bytes = await disk.size(segmentFile(RECORDS_LOG, span.segment));
  const orphans = log.segments.filter((number) => !present.some((span) => span.segment === number));
  return {
    spans: present,
    epochs: epochsOf(present, book),
    enqueued: enqueuedUntil(snapshot, spans, book),
    state,
    truncated,
    nextSegment: (log.segments.at(-1) ?? 0) + 1,
    damages: (snapshot?.damages ?? 0) + log.damages + lostTails(present, book),
    async removeOrphans() {
      for (const number of orphans) await disk.remove(segmentFile(RECORDS_LOG, number));
      if (orphans.length > 0) await disk.syncDirectory();
    },
  };
}

interface FoundCommit {
  segment: number;
  epoch: Epoch;
  commit: CommitBlock;
}

/**
 * The commits after the head that count. One that failed has the number of the one that took its place: it is cut off
 * even if the head that said so is the one that cannot be read.
 */
function commitsOf(log: RecoveredLog): { commits: FoundCommit[]; truncated: Record<string, number> } {
  const truncated = { ...log.truncated };
  const commits: FoundCommit[] = [];
  const firstNumbers = new Map<Epoch, number>();
  for (const { segment, epoch, offset, payload } of log.blocks.toReversed()) {
    const commit = decodeCommit(payload);
    if (commit.number < (firstNumbers.get(epoch) ?? Number.POSITIVE_INFINITY)) {
      firstNumbers.set(epoch, commit.number);
      commits.push({ segment, epoch, commit });
    } else truncated[segment] = Math.min(offset, truncated[segment] ?? offset);
  }
  return { commits: commits.toReversed(), truncated };
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

function epochsOf(spans: readonly SegmentSpan[], book: FateBook): OldEpoch[] {
  return [...new Set(spans.map((span) => span.epoch))].map((epoch) => ({
    epoch,
    lanes: LANES.map((lane) => ({
      available: availableIn(spans, epoch, lane),
      end: endOf(spans, book, epoch, lane),
    })),
  }));
}

function availableIn(spans: readonly SegmentSpan[], epoch: Epoch, lane: Lane): RangeSet {
  const own = spans.filter((span) => span.epoch === epoch);
  return rangeSetOf(own.map((span) => ({ from: span.start[lane]!, to: span.end[lane]! })));
}

/** A position with a fate was enqueued once, even if the last block of its epoch is unreadable by now. */
function endOf(spans: readonly SegmentSpan[], book: FateBook, epoch: Epoch, lane: Lane): number {
  const ends = spans.filter((span) => span.epoch === epoch).map((span) => span.end[lane]!);
  return Math.max(0, ...ends, finished(fatesOf(book, epoch, lane)).at(-1)?.to ?? 0);
}

/** Epochs of which forward knows fates beyond the last readable block: that block was acknowledged, and is gone. */
function lostTails(spans: readonly SegmentSpan[], book: FateBook): number {
  const ends = (epoch: Epoch, lane: Lane) =>
    spans.filter((span) => span.epoch === epoch).map((span) => span.end[lane]!);
  return [...new Set(spans.map((span) => span.epoch))].filter((epoch) =>
    LANES.some((lane) => endOf(spans, book, epoch, lane) > Math.max(0, ...ends(epoch, lane))),
  ).length;
}

/** What the newest head counted before its epoch, and the epochs since. */
function enqueuedUntil(snapshot: JournalSnapshot | undefined, spans: readonly SegmentSpan[], book: FateBook): number[] {
  const first = snapshot ? spans.findIndex((span) => span.epoch === snapshot.epoch) : 0;
  const since = [...new Set(spans.slice(first).map((span) => span.epoch))];
  return LANES.map((lane) => {
    const counted = snapshot?.enqueued[lane] ?? 0;
    return since.reduce((sum, epoch) => sum + endOf(spans, book, epoch, lane), counted);
  });
}
