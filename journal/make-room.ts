import { type Outcome, retireEpochs } from '../core/lane-fates.ts';
import type { Logger } from '../core/ports.ts';
import type { Lane } from '../core/priority.ts';
import { addRanges, NO_RANGES, type RangeSet } from '../core/ranges.ts';
import { type CarriedPart, encodeCarried } from './carried-codec.ts';
import { clip, rangeOf } from './carried-part.ts';
import { bytesIn, bytesOf, currentSpan, epochsAtWork, type OpenJournal } from './open-journal.ts';
import { bytesStaying, nextToEvict, segmentToEmpty, smallSegments } from './room.ts';
import {
  growSpanByCarried,
  recyclable,
  recyclableAfterCrash,
  type SegmentSpan,
  type Waiting,
  waitingIn,
} from './spans.ts';

/** Of a segment, what is carried on in one block: small enough to fill segments well. */
const CARRIED_SHARE = 1 / 8;

/** Small segments are worth the work if there are so many, or if their heads take up such a share of the quota. */
const MERGE_AT = { segments: 8, share: 1 / 16 };

/**
 * Gives back the segments in which every record has a fate, once the fates are durable.
 *
 * @returns whether there were any
 */
export async function recycle(journal: OpenJournal, localBytes: number, logger: Logger): Promise<boolean> {
  const gone = recyclable(journal.spans, journal.forward.book, localBytes);
  if (gone.length === 0) return false;
  try {
    await giveBack(journal, gone);
  } catch (error) {
    logger.warn({ error: (error as Error).message }, 'journal: segments not recycled yet');
    return false;
  }
  await journal.ballast.load();
  return true;
}

export interface RoomRequest {
  /** The class that needs the room: it and lower ones may have to go. Undefined = no record has to. */
  from: Lane | undefined;
  /** Bytes of the directory with all of the room made. Nothing goes in vain: only if that much can be reached. */
  mustFit: number;
  /** Monotonic ms. */
  nowMs: number;
  localBytes: number;
}

/**
 * Makes room for about a segment, at the cost of records if there is no other way.
 *
 * @param evicted what had to go is added here, as soon as it has its fate
 * @returns false if nothing may go any more
 * @throws if the disk fails
 */
export async function makeRoom(
  journal: OpenJournal,
  { from, mustFit, nowMs, localBytes }: RoomRequest,
  evicted: Outcome[],
): Promise<boolean> {
  const { spans, forward, leases, pool } = journal;
  for (;;) {
    const settled = recyclableAfterCrash(spans, forward.book, localBytes);
    if (settled.length > 0) {
      await giveBack(journal, settled);
      return true;
    }
    const victim = segmentToEmpty(spans, forward.book);
    if (victim) {
      await empty(journal, [victim]);
      return true;
    }
    if (from === undefined) return false;
    const leased = (epoch: string, lane: Lane) => leases.of(epoch, lane, nowMs);
    const evictable = { spans, book: forward.book, leased, from };
    const beside = bytesOf(journal) - bytesIn(spans) - pool.bytes();
    if (beside + bytesStaying(evictable) > mustFit) return false;
    const outcomes = nextToEvict(evictable);
    if (outcomes.length === 0) return false;
    evicted.push(...outcomes);
    await forward.append(outcomes);
  }
}

/**
 * Each start begins a segment: of those with little in them, what waits is carried on together once there are several. So
 * a node that starts again and again holds what its records need, and is not the quota away from its first eviction.
 *
 * @param maxBytes that the directory may have
 * @throws if the disk fails
 */
export async function mergeSmall(journal: OpenJournal, maxBytes: number): Promise<void> {
  const { spans, forward, log } = journal;
  const small = smallSegments(spans, forward.book, log.capacity - log.headBytes);
  const bytes = small.reduce((sum, span) => sum + span.bytes, 0);
  const isWorthwhile = small.length >= MERGE_AT.segments || (small.length > 1 && bytes > MERGE_AT.share * maxBytes);
  if (isWorthwhile && bytesOf(journal) + 2 * log.capacity <= maxBytes) await empty(journal, small);
}

/** Carries on what waits in segments, then gives them back. What stays local goes with them: it ages out. */
async function empty(journal: OpenJournal, victims: readonly SegmentSpan[]): Promise<void> {
  const { reader, forward, log, spans } = journal;
  const enough = log.capacity * CARRIED_SHARE;
  const waitingBySpan = waitingIn(spans, forward.book);
  let parts: CarriedPart[] = [];
  let bytes = 0;
  for (const victim of victims) {
    const waiting = waitingBySpan[spans.indexOf(victim)]!;
    for await (const found of reader.partsIn(victim.segment)) {
      for (const part of found.flatMap((one) => clip(one, waitingPartOf(one, waiting)))) {
        parts.push(part);
        bytes += part.bytes.length;
      }
      if (bytes < enough) continue;
      await carry(journal, parts);
      parts = [];
      bytes = 0;
    }
  }
  if (parts.length > 0) await carry(journal, parts);
  await giveBack(journal, victims);
}

const waitingPartOf = (part: CarriedPart, waiting: readonly Waiting[]): RangeSet =>
  waiting
    .filter(({ holding }) => holding.epoch === part.epoch && holding.lane === part.lane)
    .reduce<RangeSet>((all, { ranges }) => addRanges(all, ranges), NO_RANGES);

/** Writes records under the identity that they have already. Durable when it resolves. */
export async function carry(journal: OpenJournal, parts: readonly CarriedPart[]): Promise<void> {
  const { log, reader, epoch } = journal;
  const payload = encodeCarried(journal, parts);
  if (!log.fits(payload.length)) await log.roll();
  const [place] = await log.append([{ kind: 'carried', payload }], { sync: true });
  growSpanByCarried(currentSpan(journal), parts);
  reader.noteBlock(place!, { kind: 'carried', epoch, ranges: parts.map(rangeOf) });
}

/** The fates of what was in them are durable before they go: else they would be delivered again, or missed. */
async function giveBack(journal: OpenJournal, gone: readonly SegmentSpan[]): Promise<void> {
  const { spans, forward, ballast, log } = journal;
  await ballast.withRoom(() => forward.sync());
  // From here on their files may be gone, even if the disk refuses in the middle of it: then this is tried again.
  for (const span of gone) span.released = true;
  await log.recycle(gone.map((span) => span.segment));
  const kept = spans.filter((span) => !gone.includes(span));
  spans.splice(0, spans.length, ...kept);
  retireEpochs(forward.book, epochsAtWork(journal));
}

/** Each try to make room gives something back or is the last; the bound is there in case that is wrong. */
export const triesFor = ({ spans }: OpenJournal): number => 2 * spans.length + 8;
