import type { JsonValue } from '../core/filters/filter.ts';
import { type Epoch, epochOf } from '../core/identity.ts';
import { retireEpochs } from '../core/lane-fates.ts';
import type { Clock, Disk, Logger, Random } from '../core/ports.ts';
import { createSerialQueue } from '../core/serial-queue.ts';
import { createBallast } from './ballast.ts';
import { MAX_BLOCK_PAYLOAD } from './block.ts';
import { type CommittedLane, encodeCommit } from './commit-codec.ts';
import { type ForwardLog, openForwardLog } from './forward-log.ts';
import type { AppendResult, Commit, Journal, JournalOpening, JournalStatus, ReadRequest } from './journal-port.ts';
import { type JournalSnapshot, RECORDS_LOG } from './journal-snapshot.ts';
import { createLaneReader } from './lane-reader.ts';
import { type RecoveredJournal, recoverJournal } from './recovery.ts';
import { createSegmentLog, type SegmentLog } from './segment-log.ts';
import { growSpan, localHeldIn, newSpan, noPositions, recyclable, type SegmentSpan } from './spans.ts';

const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;

export interface JournalPorts {
  disk: Disk;
  clock: Clock;
  random: Random;
  logger: Logger;
}

export interface JournalConfig {
  /** Bound of everything in the directory; then commits with records are refused as `journal-full`. */
  maxBytes: number;
  /** Share of it that records which stay local may keep. */
  localBytes: number;
  /** Room kept so that a full disk can get going again. @default 0 */
  ballastBytes?: number;
}

/** The journal of one directory. One call at a time touches the disk; callers need not care. */
export function createJournal(ports: JournalPorts, config: JournalConfig): Journal {
  const { disk, clock, logger } = ports;
  const { run: exclusive } = createSerialQueue();
  const segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor(config.maxBytes / 8));
  const ballast = createBallast(disk, config.ballastBytes ?? 0);
  const counters = { syncs: 0, commits: 0, written: 0 };
  let trouble: string | undefined;
  let opened: OpenJournal | undefined;

  const open = async (): Promise<JournalOpening> => {
    const epoch = epochOf(ports.random.u64());
    const forward = await ballast.withRoom(() => openForwardLog(disk, epoch));
    const recovered = await recoverJournal(disk, forward.book);
    await recovered.removeOrphans();
    const damages = recovered.damages + forward.damages;
    if (damages > 0) logger.warn({ damages }, 'journal: damaged blocks were found in this directory');
    const journal = startEpoch(epoch, forward, recovered);
    await ballast.withRoom(() => journal.log.roll());
    journal.spans.push(newSpan(journal.log.segment, epoch, journal.positions));
    opened = journal;
    // Each opening adds a segment: a node that starts again and again during an outage must not fill its disk with them.
    await recycle();
    await ballast.load();
    const alive = new Set(journal.spans.map((span) => span.epoch));
    retireEpochs(forward.book, alive);
    return {
      epoch,
      state: structuredClone(recovered.state),
      enqueued: recovered.enqueued,
      epochs: recovered.epochs.filter((old) => alive.has(old.epoch)),
      fates: structuredClone(forward.book),
      damages,
      localHeld: localHeldIn(journal.spans),
    };
  };

  const startEpoch = (epoch: Epoch, forward: ForwardLog, recovered: RecoveredJournal): OpenJournal => {
    const spans = [...recovered.spans];
    const positions = noPositions();
    const snapshot = (): JournalSnapshot => ({
      epoch,
      positions,
      enqueued: [...recovered.enqueued],
      spans,
      damages: recovered.damages,
      state: recovered.state,
    });
    const log = createSegmentLog(disk, {
      log: RECORDS_LOG,
      epoch,
      nextSegment: recovered.nextSegment,
      truncated: recovered.truncated,
      snapshot: () => snapshot() as unknown as JsonValue,
    });
    return { forward, spans, positions, log, state: recovered.state, reader: createLaneReader(disk, log, spans) };
  };

  const append = async (commit: Commit): Promise<AppendResult> => {
    const journal = must(opened);
    const monotonicMs = clock.monotonicMs();
    let next = 0;
    const lanes = commit.lanes.map(({ lane, count, bytes }): CommittedLane => {
      next += bytes.length;
      return { lane, first: journal.positions[lane]!, count, bytes };
    });
    const full = refusedByQuota(journal, commit.lanes.length > 0, next);
    if (full) return { ok: false, reason: 'journal-full', detail: full };
    const { positions } = journal;
    const number = counters.commits;
    const payload = encodeCommit({
      wallMs: monotonicMs + commit.clockOffsetMs,
      monotonicMs,
      number,
      positions,
      lanes,
      state: commit.state,
    });
    if (payload.length > MAX_BLOCK_PAYLOAD) {
      const detail = `commit of ${payload.length} bytes, allowed ${MAX_BLOCK_PAYLOAD}: offer less at once`;
      return { ok: false, reason: 'journal-failed', detail };
    }
    try {
      if (isFull(journal.log)) await journal.log.roll();
      const [place] = await journal.log.append([payload], { sync: true });
      // Only now, durable, does any of it exist: positions, spans and state are adopted together.
      const span = spanOf(journal, place!.segment);
      growSpan(span, lanes);
      span.bytes = journal.log.size;
      journal.reader.noteBlock(place!, lanes);
      for (const { lane, count } of lanes) journal.positions[lane]! += count;
      Object.assign(journal.state, commit.state);
      counters.syncs++;
      counters.commits++;
      counters.written += place!.length;
      trouble = undefined;
    } catch (error) {
      return refusedByDisk(error);
    }
    return { ok: true, monotonicMs, lanes: lanes.map(({ lane, first, count }) => ({ lane, first, count })) };
  };

  /** Counted without its head, which may be large: else a node of very many series would roll with each commit. */
  const isFull = ({ size, headBytes }: SegmentLog): boolean => size - headBytes > Math.max(segmentBytes, headBytes);

  /** Counters must get through even when records do not fit any more: they have one segment's size to themselves. */
  const refusedByQuota = (journal: OpenJournal, hasRecords: boolean, more: number): string | undefined => {
    const bytes = bytesOf(journal) + more;
    const allowed = config.maxBytes + (hasRecords ? 0 : segmentBytes);
    return bytes > allowed ? `journal holds ${bytes} bytes with this commit, allowed ${allowed}` : undefined;
  };

  const refusedByDisk = (error: unknown): Extract<AppendResult, { ok: false }> => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (trouble !== message)
      logger.error({ error: message }, 'journal: the disk refuses; readings are refused and counted');
    trouble = message;
    return { ok: false, reason: code === 'ENOSPC' ? 'journal-full' : 'journal-failed', detail: message };
  };

  const settle: Journal['settle'] = async (outcomes) => {
    const { forward } = must(opened);
    await forward.append(outcomes).catch((error: Error) => {
      // The book in memory is right; if it is lost, the far side is asked again.
      logger.warn({ error: error.message }, 'journal: forward log not written');
    });
    await recycle();
  };

  const recycle = async (): Promise<void> => {
    const { forward, spans, log } = must(opened);
    const gone = recyclable(spans, forward.book, config.localBytes);
    if (gone.length === 0) return;
    try {
      await ballast.withRoom(() => forward.sync());
      await log.remove(gone.map((span) => span.segment));
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'journal: segments not recycled yet');
      return;
    }
    const kept = spans.filter((span) => !gone.includes(span));
    spans.splice(0, spans.length, ...kept);
    await ballast.load();
    retireEpochs(forward.book, new Set(kept.map((span) => span.epoch)));
  };

  const status = (): JournalStatus => {
    const journal = must(opened);
    const { spans } = journal;
    return { bytes: bytesOf(journal), segments: spans.length, localHeld: localHeldIn(spans), ...counters, trouble };
  };

  return {
    open: () => exclusive(open),
    append: (commit) => exclusive(() => append(commit)),
    read: (request: ReadRequest) => exclusive(() => must(opened).reader.read(request)),
    settle: (outcomes) => exclusive(() => settle(outcomes)),
    noteFarSide: (id) => exclusive(() => must(opened).forward.noteFarSide(id)),
    status: () => exclusive(async () => status()),
    close: () =>
      exclusive(async () => {
        if (!opened) return;
        await opened.forward.sync().catch(() => undefined); // only costs a question to the far side
        await opened.forward.close().catch(() => undefined);
        await opened.log.close();
        opened = undefined;
      }),
  };
}

interface OpenJournal {
  forward: ForwardLog;
  spans: SegmentSpan[];
  positions: number[];
  log: SegmentLog;
  state: Record<string, JsonValue>;
  reader: ReturnType<typeof createLaneReader>;
}

const bytesOf = ({ spans, forward }: OpenJournal): number =>
  spans.reduce((sum, span) => sum + span.bytes, 0) + forward.bytes();

/** A roll may have happened inside append: the new segment gets its span with its first commit. */
function spanOf(journal: OpenJournal, segment: number): SegmentSpan {
  const last = journal.spans.at(-1)!;
  if (last.segment === segment) return last;
  const span = newSpan(segment, last.epoch, journal.positions);
  journal.spans.push(span);
  return span;
}

function must(opened: OpenJournal | undefined): OpenJournal {
  if (!opened) throw new Error('journal is not open');
  return opened;
}
