import type { JsonValue } from '../core/filters/filter.ts';
import { type Epoch, epochOf, PRODUCER } from '../core/identity.ts';
import type { KeyRing } from '../core/key-ring.ts';
import { fatesOf, finished, type Outcome, retireEpochs } from '../core/lane-fates.ts';
import type { Clock, Disk, Logger, Random } from '../core/ports.ts';
import { isLane, type Lane } from '../core/priority.ts';
import { subtract } from '../core/ranges.ts';
import { createSerialQueue } from '../core/serial-queue.ts';
import { createAgeClock } from './age-clock.ts';
import { openAside } from './aside.ts';
import { createBallast } from './ballast.ts';
import { MAX_BLOCK_PAYLOAD } from './block.ts';
import { type CommittedLane, encodeCommit } from './commit-codec.ts';
import { createDeadLetters, lettersWithoutUse } from './dead-letters.ts';
import { openForwardLog } from './forward-log.ts';
import type { AppendResult, Commit, DeadLetterStore, Journal, JournalOpening, JournalStatus } from './journal-port.ts';
import { type JournalSnapshot, RECORDS_LOG } from './journal-snapshot.ts';
import { createLogKeys } from './key-ring.ts';
import { refuseWrongKeys, retireKeys } from './keys-on-disk.ts';
import { createLaneReader } from './lane-reader.ts';
import { createLeases } from './leases.ts';
import { openLetterFiles } from './letter-files.ts';
import { makeRoom, recycle } from './make-room.ts';
import { bytesOf, currentSpan, epochsAlive, epochsAtWork, type OpenJournal } from './open-journal.ts';
import { quotaOf } from './quota.ts';
import { type RecoveredJournal, recoverJournal } from './recovery.ts';
import { createSegmentLog } from './segment-log.ts';
import { openSegmentPool } from './segment-pool.ts';
import { packSpans } from './span-codec.ts';
import { ageSpans, growSpan, localHeldIn, noPositions } from './spans.ts';

const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENTS_OF_QUOTA = 16;
/** Of the quota, for damaged stretches. */
const ASIDE_SHARE = 1 / 64;
const ROTATE_AGAIN_MS = 3_600_000;
/** Everything but critical may go. */
const ALL_BUT_CRITICAL: Lane = 1;

export interface JournalPorts {
  disk: Disk;
  clock: Clock;
  random: Random;
  logger: Logger;
  keys: KeyRing;
}

export interface JournalConfig {
  /** Of the records' identity: part of the derivation of the data keys. @default that of a plain node */
  producer?: string | undefined;
  /** Bound of everything in the directory. When it is reached the lowest class goes first; critical never does. */
  maxBytes: number;
  /** Share of it that records which stay local may keep. */
  localBytes: number;
  /** Share of it that only critical records may use. @default a tenth of it */
  criticalReserve?: number | undefined;
  /** Share of it that dead letters may keep; the oldest are discarded. @default a tenth of it */
  deadLetterBytes?: number | undefined;
  /** Age at which the journal gets a new key, ms. @default never by itself */
  rotateKeys?: number | undefined;
  /** Room kept so that a full disk can get going again. @default 0 */
  ballastBytes?: number | undefined;
}

/** The journal of one directory. One call at a time touches the disk; callers need not care. */
export function createJournal(ports: JournalPorts, config: JournalConfig): Journal {
  const { disk, clock, logger } = ports;
  const { run: exclusive } = createSerialQueue();
  const segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor(config.maxBytes / SEGMENTS_OF_QUOTA));
  const criticalReserve = config.criticalReserve ?? Math.floor(config.maxBytes / 10);
  const producer = config.producer ?? PRODUCER;
  const recordKeys = createLogKeys(ports.keys, producer, 'records');
  const forwardKeys = createLogKeys(ports.keys, producer, 'forward');
  const letterKeys = createLogKeys(ports.keys, producer, 'letters');
  const counters = { syncs: 0, commits: 0, written: 0 };
  let trouble: string | undefined;
  let rotateAgainAt = Number.NEGATIVE_INFINITY;
  let opened: OpenJournal | undefined;

  const open = async (): Promise<JournalOpening> => {
    const epoch = epochOf(ports.random.u64());
    await refuseWrongKeys(disk, ports.keys, producer);
    const pool = await openSegmentPool(disk);
    const ballast = createBallast(disk, config.ballastBytes ?? 0, pool);
    const forward = await ballast.withRoom(() => openForwardLog(disk, forwardKeys, epoch, config.maxBytes));
    const letters = await openLetterFiles(disk, letterKeys, epoch);
    const aside = await openAside(disk, Math.floor(config.maxBytes * ASIDE_SHARE));
    const recovered = await recoverJournal(disk, recordKeys, forward.book, aside);
    await recovered.removeOrphans();
    if (aside.count() > 0) {
      logger.warn({ files: aside.count(), bytes: aside.bytes() }, 'journal: what could not be read is kept aside');
    }
    const damages = recovered.damages + forward.damages;
    if (damages > 0) logger.warn({ damages }, 'journal: damaged blocks were found in this directory');
    const journal = startEpoch(epoch, { forward, letters, ballast, pool, aside }, recovered);
    await ballast.withRoom(() => journal.log.roll());
    currentSpan(journal);
    opened = journal;
    // Each opening adds a segment: a node that starts again and again during an outage must not fill its disk with them.
    await recycle(journal, config.localBytes, logger);
    await keepWithinQuota(journal);
    await ballast.load();
    // Of damaged fates nobody knows whose records are dead.
    if (forward.damages === 0) await letters.remove(lettersWithoutUse(journal)).catch(() => undefined);
    retireEpochs(forward.book, epochsAtWork(journal));
    const alive = epochsAlive(journal);
    return {
      epoch,
      state: structuredClone(recovered.state),
      enqueued: recovered.enqueued,
      epochs: recovered.epochs.filter((old) => alive.has(old.epoch)),
      fates: structuredClone(forward.book),
      damages,
      localHeld: localHeldIn(journal.spans),
      ageMs: journal.age.now(),
    };
  };

  /** Nobody must be told of what goes here: the opening says it. */
  const keepWithinQuota = async (journal: OpenJournal): Promise<void> => {
    const request = { from: ALL_BUT_CRITICAL, nowMs: clock.monotonicMs(), localBytes: config.localBytes };
    try {
      for (let tries = triesFor(journal); bytesOf(journal) > quotaNow(journal).critical && tries > 0; tries--) {
        if (journal.pool.bytes() > 0) await journal.pool.release();
        else if (!(await makeRoom(journal, request, []))) return;
      }
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'journal: segments not recycled yet');
    }
  };

  const startEpoch = (
    epoch: Epoch,
    parts: Pick<OpenJournal, 'forward' | 'letters' | 'ballast' | 'pool' | 'aside'>,
    recovered: RecoveredJournal,
  ): OpenJournal => {
    const { pool } = parts;
    const spans = [...recovered.spans];
    const positions = noPositions();
    const age = createAgeClock(clock, recovered.stamp);
    const ends = new Map(recovered.epochs.map((old) => [old.epoch, old.lanes.map(({ end }) => end)]));
    const snapshot = (): JournalSnapshot => {
      const alive = epochsAlive(journal);
      return {
        epoch,
        positions,
        enqueued: [...recovered.enqueued],
        ends: [...ends].filter(([old]) => alive.has(old)),
        spans: packSpans(spans),
        damages: recovered.damages,
        stamp: { ageMs: age.now(), wallMs: clock.wallMs(), synced: clock.state() === 'synced' },
        state: recovered.state,
      };
    };
    const log = createSegmentLog(disk, {
      log: RECORDS_LOG,
      keys: recordKeys,
      aside: parts.aside,
      epoch,
      nextSegment: recovered.nextSegment,
      truncated: recovered.truncated,
      snapshot: () => snapshot() as unknown as JsonValue,
      files: { pool, payloadBytes: segmentBytes, mayPrepare },
    });
    const reader = createLaneReader(log, spans);
    const journal: OpenJournal = {
      ...parts,
      epoch,
      spans,
      ends,
      positions,
      log,
      state: recovered.state,
      reader,
      leases: createLeases(),
      age,
    };
    return journal;
  };

  /** A spare is a comfort: it takes no room that records could have. */
  const mayPrepare = (bytes: number): boolean =>
    opened !== undefined && bytesOf(opened) + bytes <= quotaNow(opened).others;

  const append = async (commit: Commit): Promise<AppendResult> => {
    const journal = must(opened);
    const monotonicMs = clock.monotonicMs();
    const evicted: Outcome[] = [];
    const agedMs = journal.age.correction();
    if (agedMs > 0) ageSpans(journal.spans, journal.epoch, agedMs);
    const lanes = commit.lanes.map(
      ({ lane, count, bytes }): CommittedLane => ({ lane, first: journal.positions[lane]!, count, bytes }),
    );
    const ageMs = journal.age.now();
    const payload = encodeCommit({
      wallMs: monotonicMs + commit.clockOffsetMs,
      monotonicMs,
      ageMs,
      synced: clock.state() === 'synced',
      number: counters.commits,
      positions: journal.positions,
      lanes,
      state: commit.state,
    });
    if (payload.length > MAX_BLOCK_PAYLOAD) {
      const detail = `commit of ${payload.length} bytes, allowed ${MAX_BLOCK_PAYLOAD}: offer less at once`;
      return { ok: false, reason: 'journal-failed', detail, evicted, agedMs };
    }
    try {
      await rotateIfDue(journal);
      const full = await refusedByQuota(journal, lanes, payload.length, evicted);
      if (full) return { ok: false, reason: 'journal-full', detail: full, evicted, agedMs };
      await write(journal, payload, lanes, commit.state, ageMs);
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
    state: Commit['state'],
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
    Object.assign(journal.state, state);
    counters.syncs++;
    counters.commits++;
    counters.written += place!.length;
  };

  const quotaNow = ({ log }: OpenJournal) => quotaOf(config.maxBytes, log.capacity, criticalReserve);

  /** Makes room first, as far as the commit's own class allows; says why if that is not enough. */
  const refusedByQuota = async (
    journal: OpenJournal,
    lanes: readonly CommittedLane[],
    more: number,
    evicted: Outcome[],
  ): Promise<string | undefined> => {
    const { log, pool } = journal;
    const quota = quotaNow(journal);
    const travelling = lanes.map(({ lane }) => lane).filter(isLane);
    const highest = Math.min(...travelling, 4);
    const allowed = lanes.length === 0 ? quota.state : highest === 0 ? quota.critical : quota.others;
    // A spare takes no room that it does not have already.
    const needed = (): number => (log.fits(more) ? 0 : Math.max(0, log.capacity - pool.bytes()));
    for (let tries = triesFor(journal); ; tries--) {
      const bytes = bytesOf(journal) + needed();
      if (bytes <= allowed) return undefined;
      if (log.fits(more) && pool.bytes() > 0 && tries > 0) {
        await pool.release();
        await pool.settled(); // what is being prepared goes when it is there
        continue;
      }
      // Counters have room of their own and push nobody out; nor does what stays local.
      const from = isLane(highest) ? highest : undefined;
      const request = { from, nowMs: clock.monotonicMs(), localBytes: config.localBytes };
      if (tries <= 0 || !(await makeRoom(journal, request, evicted))) {
        return `journal holds ${bytes} bytes with this commit, allowed ${allowed} of ${config.maxBytes}`;
      }
    }
  };

  const refusedByDisk = (error: unknown): Pick<Extract<AppendResult, { ok: false }>, 'ok' | 'reason' | 'detail'> => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (trouble !== message)
      logger.error({ error: message }, 'journal: the disk refuses; readings are refused and counted');
    trouble = message;
    return { ok: false, reason: code === 'ENOSPC' ? 'journal-full' : 'journal-failed', detail: message };
  };

  const settle: Journal['settle'] = async (outcomes) => {
    const journal = must(opened);
    journal.leases.end(outcomes);
    await journal.forward.append(outcomes).catch((error: Error) => {
      // The book in memory is right; if it is lost, the far side is asked again.
      logger.warn({ error: error.message }, 'journal: forward log not written');
    });
    await recycle(journal, config.localBytes, logger);
  };

  const read: Journal['read'] = async (request) => {
    const { reader, forward, leases } = must(opened);
    const found = await reader.read(request);
    const { epoch, lane, from, leaseMs = 0 } = request;
    if (leaseMs > 0) leases.grant({ epoch, lane, from, to: found.to, until: clock.monotonicMs() + leaseMs });
    return { ...found, missing: subtract(found.missing, finished(fatesOf(forward.book, epoch, lane))) };
  };

  const deadLetters = (): DeadLetterStore => {
    const journal = must(opened);
    const maxBytes = config.deadLetterBytes ?? Math.floor(config.maxBytes / 10);
    return createDeadLetters(journal, { clock, logger }, { maxBytes, directoryBytes: quotaNow(journal).critical });
  };

  /** New segments of all logs, so that nothing is written with the old key any more. */
  const rotateKeys = async (journal: OpenJournal): Promise<void> => {
    const id = await ports.keys.rotate();
    await journal.log.roll();
    currentSpan(journal);
    await journal.forward.roll();
    logger.info({ key: id }, 'journal: written with a new key from now on');
    await retireKeys(disk, ports.keys);
  };

  const rotateIfDue = async (journal: OpenJournal): Promise<void> => {
    const { rotateKeys: everyMs = Number.POSITIVE_INFINITY } = config;
    if (clock.state() !== 'synced' || clock.wallMs() - ports.keys.current().sinceMs < everyMs) return;
    // Not again with each commit if the disk refuses.
    if (clock.monotonicMs() < rotateAgainAt) return;
    rotateAgainAt = clock.monotonicMs() + ROTATE_AGAIN_MS;
    await rotateKeys(journal);
  };

  const status = (): JournalStatus => {
    const journal = must(opened);
    const { spans } = journal;
    return { bytes: bytesOf(journal), segments: spans.length, localHeld: localHeldIn(spans), ...counters, trouble };
  };

  return {
    open: () => exclusive(open),
    append: (commit) => exclusive(() => append(commit)),
    read: (request) => exclusive(() => read(request)),
    settle: (outcomes) => exclusive(() => settle(outcomes)),
    rotateKeys: () => exclusive(() => rotateKeys(must(opened))),
    bury: (burial) => exclusive(() => deadLetters().bury(burial)),
    deadLetters: () => exclusive(() => deadLetters().deadLetters()),
    exhume: (ids) => exclusive(() => deadLetters().exhume(ids)),
    discard: (ids) => exclusive(() => deadLetters().discard(ids)),
    noteFarSide: (id, uplink) => exclusive(() => must(opened).forward.noteFarSide(id, uplink)),
    noteMeter: (meter) => exclusive(() => must(opened).forward.noteMeter(meter)),
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

/** Each try to make room gives something back or is the last; the bound is there in case that is wrong. */
const triesFor = ({ spans }: OpenJournal): number => 2 * spans.length + 8;

function must(opened: OpenJournal | undefined): OpenJournal {
  if (!opened) throw new Error('journal is not open');
  return opened;
}
