import type { JournalSetup } from './journal-config.ts';
import { retireKeys } from './keys-on-disk.ts';
import { currentSpan, type OpenJournal } from './open-journal.ts';

/** If the disk refuses, not again with each commit. */
const ROTATE_AGAIN_MS = 3_600_000;
const CLOCK_ERROR_MS = 86_400_000;

export interface KeyRotation {
  /** Rejects if the disk refuses. */
  rotate(journal: OpenJournal): Promise<void>;
  /** By the schedule; a failure is told and tried again later: the old key is as good as it was. */
  rotateIfDue(journal: OpenJournal): Promise<void>;
  /** Forgets the keys that no block on disk needs any more, if there may be any. Never rejects. */
  retire(journal: Pick<OpenJournal, 'aside'>): Promise<void>;
}

export function createKeyRotation({ disk, clock, logger, keys, rotateKeysMs }: JournalSetup): KeyRotation {
  let rotateAgainAt = Number.NEGATIVE_INFINITY;
  let oldKeys = true;

  const retire: KeyRotation['retire'] = async ({ aside }) => {
    if (!oldKeys) return;
    try {
      oldKeys = (await retireKeys(disk, keys, aside.keyIds())) > 1;
    } catch (error) {
      logger.warn({ error: (error as Error).message }, 'journal: old keys not forgotten yet');
    }
  };

  /** New segments of all logs, so that nothing is written with the old key any more. */
  const rotate = async (journal: OpenJournal): Promise<void> => {
    const id = await keys.rotate();
    oldKeys = true;
    await journal.log.roll();
    currentSpan(journal);
    await journal.forward.roll();
    logger.info({ keyId: id }, 'journal: written with a new key from now on');
    await retire(journal);
  };

  return {
    rotate,
    retire,
    async rotateIfDue(journal) {
      const ageMs = clock.wallMs() - keys.current().sinceMs;
      // A key from the future was made while the clock was wrong: of its age nothing is known.
      if (clock.state() !== 'synced' || (ageMs < rotateKeysMs && ageMs > -CLOCK_ERROR_MS)) return;
      if (clock.monotonicMs() < rotateAgainAt) return;
      rotateAgainAt = clock.monotonicMs() + ROTATE_AGAIN_MS;
      try {
        await rotate(journal);
      } catch (error) {
        logger.warn({ error: (error as Error).message }, 'journal: the key could not be exchanged; tried again later');
      }
    },
  };
}
