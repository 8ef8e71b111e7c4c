import type { JsonValue } from '../core/filters/filter.ts';
import { type Epoch, epochOf } from '../core/identity.ts';
import { forgetGone, retireEpochs } from '../core/lane-fates.ts';
import type { Logger } from '../core/ports.ts';
import type { Lane } from '../core/priority.ts';
import { createAgeClock } from './age-clock.ts';
import { openAside } from './aside.ts';
import { createBallast } from './ballast.ts';
import { lettersWithoutUse, unnotedDiscards } from './dead-letters.ts';
import { openForwardLog } from './forward-log.ts';
import type { JournalSetup } from './journal-config.ts';
import type { JournalOpening } from './journal-port.ts';
import { type JournalSnapshot, RECORDS_LOG } from './journal-snapshot.ts';
import { refuseWrongKeys } from './keys-on-disk.ts';
import { createLaneReader } from './lane-reader.ts';
import { createLeases } from './leases.ts';
import { openLetterFiles } from './letter-files.ts';
import { makeRoom, mergeSmall, recycle, triesFor } from './make-room.ts';
import { bytesOf, currentSpan, epochsAlive, epochsAtWork, type OpenJournal } from './open-journal.ts';
import { type RecoveredJournal, recoverJournal } from './recovery.ts';
import { createSegmentLog } from './segment-log.ts';
import { openSegmentPool } from './segment-pool.ts';
import { packSpans } from './span-codec.ts';
import { localHeldIn, noPositions } from './spans.ts';
import { keepStrangersAside } from './strangers.ts';

/** Everything but critical may go. */
const ALL_BUT_CRITICAL: Lane = 1;

/**
 * Reads back what a directory holds and begins a new epoch in it.
 *
 * @throws if the directory cannot be used; WrongKeysError before anything in it is touched
 */
export async function openJournal(setup: JournalSetup): Promise<{ journal: OpenJournal; opening: JournalOpening }> {
  const { disk, logger, keys, maxBytes } = setup;
  const epoch = epochOf(setup.random.u64());
  await refuseWrongKeys(disk, keys, setup.producer);
  const aside = await openAside(disk, setup.asideBytes);
  await keepStrangersAside(disk, aside);
  const pool = await openSegmentPool(disk, setup.spareBytes);
  const ballast = createBallast(disk, setup.ballastBytes, pool);
  const forward = await ballast.withRoom(() => openForwardLog(disk, setup.keysOf('forward'), epoch, maxBytes));
  const letters = await openLetterFiles(disk, setup.keysOf('letters'), epoch, aside);
  const recovered = await recoverJournal(disk, setup.keysOf('records'), forward.book, aside);
  await recovered.removeOrphans();
  if (aside.count() > 0) {
    logger.warn({ files: aside.count(), bytes: aside.bytes() }, 'journal: what could not be read is kept aside');
  }
  const damages = recovered.damages + forward.damages;
  if (damages > 0) logger.warn({ damages }, 'journal: damaged blocks were found in this directory');
  const journal = startEpoch(setup, epoch, { forward, letters, ballast, pool, aside }, recovered);
  await ballast.withRoom(() => journal.log.roll());
  currentSpan(journal);
  // Each opening adds a segment: a node that starts again and again during an outage must not fill its disk with them.
  await recycle(journal, setup.localBytes, logger);
  await keepWithinQuota(setup, journal);
  await mergeSmall(journal, maxBytes).catch((error: Error) => notYet(logger, error));
  await ballast.load();
  // Of damaged fates nobody knows whose records are dead.
  if (forward.damages === 0) {
    await letters.remove(lettersWithoutUse(journal)).catch(() => undefined);
    const discards = unnotedDiscards(journal);
    if (discards.length > 0) await forward.append(discards).catch((error: Error) => notYet(logger, error));
  }
  forgetGone(forward.book, recovered.named);
  retireEpochs(forward.book, epochsAtWork(journal));
  const alive = epochsAlive(journal);
  const opening: JournalOpening = {
    epoch,
    state: structuredClone(recovered.state),
    series: journal.series,
    enqueued: recovered.enqueued,
    epochs: recovered.epochs.filter((old) => alive.has(old.epoch)),
    fates: structuredClone(forward.book),
    damages,
    localHeld: localHeldIn(journal.spans),
    ageMs: journal.age.now(),
  };
  return { journal, opening };
}

/** Nobody must be told of what goes here: the opening says it. */
async function keepWithinQuota(setup: JournalSetup, journal: OpenJournal): Promise<void> {
  const request = {
    from: ALL_BUT_CRITICAL,
    nowMs: setup.clock.monotonicMs(),
    localBytes: setup.localBytes,
    mustFit: Number.POSITIVE_INFINITY, // a little room is better than none
  };
  try {
    for (let tries = triesFor(journal); bytesOf(journal) > setup.quotaNow(journal).critical && tries > 0; tries--) {
      if (journal.pool.bytes() > 0) await journal.pool.release();
      else if (!(await makeRoom(journal, request, []))) return;
    }
  } catch (error) {
    notYet(setup.logger, error as Error);
  }
}

const notYet = (logger: Logger, { message }: Error): void =>
  logger.warn({ error: message }, 'journal: segments not recycled yet');

function startEpoch(
  setup: JournalSetup,
  epoch: Epoch,
  parts: Pick<OpenJournal, 'forward' | 'letters' | 'ballast' | 'pool' | 'aside'>,
  recovered: RecoveredJournal,
): OpenJournal {
  const { clock } = setup;
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
      series: journal.series,
      enqueued: [...recovered.enqueued],
      spans: packSpans(
        spans,
        [...ends].filter(([old]) => alive.has(old)),
      ),
      damages: recovered.damages,
      stamp: { ageMs: age.now(), wallMs: clock.wallMs(), synced: clock.state() === 'synced' },
      state: recovered.state,
    };
  };
  const log = createSegmentLog(setup.disk, {
    log: RECORDS_LOG,
    keys: setup.keysOf('records'),
    aside: parts.aside,
    epoch,
    nextSegment: recovered.nextSegment,
    truncated: recovered.truncated,
    snapshot: () => snapshot() as unknown as JsonValue,
    isKnown: (number) => spans.some((span) => span.segment === number),
    files: {
      pool,
      payloadBytes: setup.segmentBytes,
      // A spare is a comfort: it takes no room that records could have.
      mayPrepare: (bytes) => bytesOf(journal) + bytes <= setup.quotaNow(journal).others,
    },
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
    series: Math.max(recovered.series, ...parts.letters.entries.map(({ series }) => series)),
    reader,
    leases: createLeases(),
    age,
  };
  return journal;
}
