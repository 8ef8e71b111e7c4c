import type { Outcome } from '../core/lane-fates.ts';
import { isLane, priorityOf } from '../core/priority.ts';
import { MAX_BLOCK_PAYLOAD } from './block.ts';
import { applyDelta, type CommittedLane, encodeCommit } from './commit-codec.ts';
import type { JournalSetup } from './journal-config.ts';
import type { AppendResult, Commit } from './journal-port.ts';
import { makeRoom, triesFor } from './make-room.ts';
import { bytesOf, currentSpan, type OpenJournal } from './open-journal.ts';
import { admissionOf } from './quota.ts';
import { holdsRoomInLastTwo } from './room.ts';
import { createScratch } from './scratch.ts';
import { ageSpans, growSpan } from './spans.ts';

/** Evictions so close to each other are one story for the log. */
const STORY_MS = 600_000;

/** Commits since opening, and how they fare. */
export interface Appender {
  append(journal: OpenJournal, commit: Commit): Promise<AppendResult>;
  readonly counters: { syncs: number; commits: number; written: number };
  /** Why the last one failed, while it does. */
  readonly trouble: string | undefined;
}

export function createAppender(setup: JournalSetup): Appender {
  const { clock, logger } = setup;
  const counters = { syncs: 0, commits: 0, written: 0 };
  const memory = createScratch();
  let trouble: string | undefined;
  let evictedAt = Number.NEGATIVE_INFINITY;

  const append = async (journal: OpenJournal, commit: Commit): Promise<AppendResult> => {
    const monotonicMs = clock.monotonicMs();
    const evicted: Outcome[] = [];
    const agedMs = journal.age.correction();
    if (agedMs > 0) ageSpans(journal.spans, journal.epoch, agedMs);
    const lanes = commit.lanes.map(
      ({ lane, count, bytes }): CommittedLane => ({ lane, first: journal.positions[lane]!, count, bytes }),
    );
    const ageMs = journal.age.now();
    const payload = encodeCommit(
      {
        wallMs: monotonicMs + commit.clockOffsetMs,
        monotonicMs,
        ageMs,
        synced: clock.state() === 'synced',
        number: counters.commits,
        positions: journal.positions,
        series: Math.max(journal.series, commit.series ?? 0),
        lanes,
        state: commit.state,
      },
      memory,
    );
    if (payload.length > MAX_BLOCK_PAYLOAD) {
      const detail = `commit of ${payload.length} bytes, allowed ${MAX_BLOCK_PAYLOAD}: offer less at once`;
      return { ok: false, reason: 'journal-failed', detail, evicted, agedMs };
    }
    try {
      const full = await refusedByQuota(journal, lanes, payload.length, evicted);
      tellEvicted(evicted, monotonicMs);
      if (full) return { ok: false, reason: 'journal-full', detail: full, evicted, agedMs };
      await write(journal, payload, lanes, commit, ageMs);
    } catch (error) {
      return { ...refusedByDisk(error), evicted, agedMs };
    }
    trouble = undefined;
    return {
      ok: true,
      monotonicMs,
      lanes: lanes.map(({ lane, first, count }) => ({ lane, first, count })),
      evicted,
      agedMs,
    };
  };

  const write = async (
    journal: OpenJournal,
    payload: Uint8Array,
    lanes: readonly CommittedLane[],
    { state, series = 0 }: Commit,
    ageMs: number,
  ): Promise<void> => {
    const { log, epoch } = journal;
    if (!log.fits(payload.length)) await log.roll();
    const [place] = await log.append([{ kind: 'commit', payload }], { sync: true });
    // Only now, durable, does any of it exist: positions, spans and state are adopted together.
    growSpan(currentSpan(journal), lanes, ageMs);
    const ranges = lanes.flatMap(({ lane, first, count }) =>
      isLane(lane) ? [{ epoch, lane, from: first, to: first + count }] : [],
    );
    journal.reader.noteBlock(place!, { kind: 'commit', epoch, ranges });
    for (const { lane, count } of lanes) journal.positions[lane]! += count;
    applyDelta(journal.state, state);
    journal.series = Math.max(journal.series, series);
    counters.syncs++;
    counters.commits++;
    counters.written += place!.length;
  };

  /** Makes room first, as far as the commit's least important class allows; says why if that is not enough. */
  const refusedByQuota = async (
    journal: OpenJournal,
    lanes: readonly CommittedLane[],
    more: number,
    evicted: Outcome[],
  ): Promise<string | undefined> => {
    const { log, pool } = journal;
    let rolls = 0;
    const { quota, evictsFrom: from } = admissionOf(lanes.map(({ lane }) => lane));
    const allowed = setup.quotaNow(journal)[quota];
    const needed = (): number => log.growthOf(more);
    for (let tries = triesFor(journal); ; tries--) {
      const bytes = bytesOf(journal) + needed();
      if (bytes <= allowed) return undefined;
      if (log.fits(more) && pool.bytes() > 0 && tries > 0) {
        await pool.release();
        await pool.settled(); // what is being prepared goes when it is there
        continue;
      }
      const request = { from, nowMs: clock.monotonicMs(), localBytes: setup.localBytes, mustFit: allowed - more };
      if (tries > 0 && (await makeRoom(journal, request, evicted))) continue;
      // The last two segments always stay. If it is they that hold what has gone, they must not be the last two.
      if (
        rolls++ >= 2 ||
        !holdsRoomInLastTwo(journal.spans, journal.forward.book) ||
        bytesOf(journal) + log.capacity > setup.maxBytes
      ) {
        return `journal holds ${bytes} bytes with this commit, allowed ${allowed} of ${setup.maxBytes}`;
      }
      await log.roll();
      currentSpan(journal);
    }
  };

  const refusedByDisk = (error: unknown): Pick<Extract<AppendResult, { ok: false }>, 'ok' | 'reason' | 'detail'> => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (trouble !== message)
      logger.error({ error: message }, 'journal: the disk refuses; readings are refused and counted');
    trouble = message;
    return { ok: false, reason: code === 'ENOSPC' ? 'journal-full' : 'journal-failed', detail: message };
  };

  const tellEvicted = (evicted: readonly Outcome[], now: number): void => {
    if (evicted.length === 0) return;
    if (now - evictedAt > STORY_MS) {
      const classes = [...new Set(evicted.map(({ lane }) => priorityOf(lane)))];
      logger.warn({ classes, maxBytes: setup.maxBytes }, 'journal: full; the oldest records of the lowest class go');
    }
    evictedAt = now;
  };

  return {
    append,
    counters,
    get trouble() {
      return trouble;
    },
  };
}
