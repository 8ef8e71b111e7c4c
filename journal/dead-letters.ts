import { deadLettersOf, epochsIn, fatesOf, type Outcome, outcomeOf } from '../core/lane-fates.ts';
import type { Clock, Logger } from '../core/ports.ts';
import { LANES } from '../core/priority.ts';
import { intersect, NO_RANGES, type Range, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { CarriedPart } from './carried-codec.ts';
import { clip, cut } from './carried-part.ts';
import type { Burial, BurialResult, DeadLetter, DeadLetterStore } from './journal-port.ts';
import { type LetterEntry, letterBytes } from './letter-files.ts';
import { carry } from './make-room.ts';
import { bytesOf, finishedIn, type OpenJournal } from './open-journal.ts';

export interface DeadLetterConfig {
  /** Bytes that dead letters may keep; the oldest are discarded for newer ones. */
  maxBytes: number;
  /** Bytes that the whole directory may have. */
  directoryBytes: number;
}

const MAX = Number.MAX_SAFE_INTEGER;
type Discarded = Extract<Outcome, { fate: 'discarded' }>;

/** The dead letters of an open journal. The book of fates says which are dead; the files only hold what is needed to replay them. */
export function createDeadLetters(
  journal: OpenJournal,
  { clock, logger }: { clock: Clock; logger: Logger },
  config: DeadLetterConfig,
): DeadLetterStore {
  const { letters, reader, forward, ballast } = journal;

  /** What of a letter is dead and can be replayed. Of two that hold the same records the younger counts. */
  const deadRanges = (entry: LetterEntry): RangeSet => {
    const fates = fatesOf(forward.book, entry.epoch, entry.lane);
    const dead = subtract(intersect([entry], deadLettersOf(fates)), fates.discarded);
    const younger = letters.entries.filter(
      ({ number, epoch, lane }) => number > entry.number && epoch === entry.epoch && lane === entry.lane,
    );
    return younger.reduce<RangeSet>((rest, other) => subtract(rest, [other]), dead);
  };

  /**
   * Notes what became of the letters, durably, then lets the files go. If it rejects they are dead letters as before;
   * after a crash right then they may be what was to be noted.
   */
  const finish = async <Fate extends 'replayed' | 'discarded'>(entries: readonly LetterEntry[], fate: Fate) => {
    if (entries.length === 0) return [];
    const outcomes = entries.flatMap((entry) =>
      deadRanges(entry).map((range) => ({ ...range, epoch: entry.epoch, lane: entry.lane, fate })),
    );
    await ballast.withRoom(() => forward.appendDurably(outcomes as Outcome[]));
    await letters.remove(entries).catch(({ message }: Error) => {
      // They hold nothing that is dead any more: the next opening removes them.
      logger.warn({ error: message }, 'journal: files of dead letters not removed yet');
    });
    return outcomes;
  };

  const named = (ids: readonly string[]): LetterEntry[] =>
    letters.entries.filter(({ number }) => ids.includes(String(number)));

  /** The oldest letters make way, but none in vain. */
  const makeRoomFor = async (bytes: number): Promise<{ fits: boolean; discarded: Discarded[] }> => {
    const oldest: LetterEntry[] = [];
    let kept = letters.bytes();
    for (const entry of letters.entries) {
      if (kept + bytes <= config.maxBytes) break;
      oldest.push(entry);
      kept -= entry.bytes;
    }
    const without = bytesOf(journal) - letters.bytes() + kept;
    if (kept + bytes > config.maxBytes || without + bytes > config.directoryBytes) return NO_ROOM;
    const discarded = (await finish(oldest, 'discarded')) as Discarded[];
    if (oldest.length > 0) {
      logger.warn({ letters: oldest.length }, 'journal: dead letters discarded, the oldest first: their share is full');
    }
    // If their files could not be removed they are still there.
    return { fits: letters.bytes() + bytes <= config.maxBytes, discarded };
  };

  const bury = async (burial: Burial): Promise<BurialResult> => {
    const { epoch, lane, from, to } = burial;
    const found = await reader.read({ epoch, lane, from, to, maxRecords: MAX, maxBytes: MAX });
    const finishedAlready = finishedIn(journal, epoch, lane);
    const parts = found.parts.flatMap((part) => {
      const whole: CarriedPart = { ...part, epoch, lane, first: part.from, count: part.to - part.from };
      return clip(whole, subtract([part], finishedAlready));
    });
    const buried = positionsOf(parts);
    const missing = subtract(found.missing, finishedAlready);
    if (parts.length === 0) return { buried, missing, unkept: NO_RANGES, discarded: [] };
    const kept = newestWithin(parts, config.maxBytes);
    const { fits, discarded } = kept.length > 0 ? await makeRoomFor(letterBytes(kept)) : NO_ROOM;
    const written = fits ? kept : [];
    if (written.length > 0) {
      const letter = { ...burial, from: written[0]!.first };
      await letters.write(letter, { buriedMs: clock.wallMs(), series: journal.series }, written);
    }
    const unkept = subtract(buried, positionsOf(written));
    if (unkept.length > 0) {
      logger.warn({ lane, from, to }, 'journal: no room to keep the records of a dead letter; it cannot be replayed');
    }
    return { buried, missing, unkept, discarded };
  };

  const replay = async (entry: LetterEntry): Promise<Extract<Outcome, { fate: 'replayed' }>[]> => {
    const dead = deadRanges(entry);
    const parts = await letters.read(entry);
    if (!parts) throw new Error(`dead letter ${entry.number} is damaged: its records cannot be read; discard it`);
    if (bytesOf(journal) + entry.bytes > config.directoryBytes) {
      throw new Error(
        `no room to replay dead letter ${entry.number} of ${entry.bytes} bytes: the journal holds ${bytesOf(journal)} bytes, allowed ${config.directoryBytes}`,
      );
    }
    const again = parts.flatMap((part) => clip(part, dead));
    // The records are in the queue before their fate says that they wait there.
    if (again.length > 0) await carry(journal, again);
    return (await finish([entry], 'replayed')) as Extract<Outcome, { fate: 'replayed' }>[];
  };

  return {
    bury,
    async deadLetters() {
      return letters.entries.flatMap((entry) => deadRanges(entry).map((range) => letterOf(entry, range)));
    },
    async letter(id) {
      const [entry] = named([id]);
      const dead = entry ? deadRanges(entry) : [];
      if (!entry || dead.length === 0) return undefined;
      const parts = await letters.read(entry);
      return {
        letters: dead.map((range) => letterOf(entry, range)),
        parts: parts?.flatMap((part) => clip(part, dead)).map((part) => cut(part, part.first, part.first + part.count)),
      };
    },
    async exhume(ids) {
      const replayed: Extract<Outcome, { fate: 'replayed' }>[] = [];
      for (const entry of named(ids)) {
        try {
          replayed.push(...(await replay(entry)));
        } catch (error) {
          // What waits again already must be told of, whatever became of the others: they are dead letters still.
          if (replayed.length === 0) throw error;
          logger.warn({ error: (error as Error).message, id: entry.number }, 'journal: not all dead letters replayed');
          break;
        }
      }
      return replayed;
    },
    async discard(ids) {
      return (await finish(named(ids), 'discarded')) as Discarded[];
    },
  };
}

const NO_ROOM = { fits: false, discarded: [] };

const positionsOf = (parts: readonly CarriedPart[]): RangeSet =>
  rangeSetOf(parts.map(({ first, count }) => ({ from: first, to: first + count })));

/** Of records that are more than may be kept, the newest. */
function newestWithin(parts: readonly CarriedPart[], maxBytes: number): readonly CarriedPart[] {
  let rest = parts;
  let bytes = letterBytes(rest);
  while (bytes > maxBytes && rest.length > 0) {
    const [oldest, ...others] = rest as readonly [CarriedPart, ...CarriedPart[]];
    const { first, count } = oldest;
    const newer = others.length > 0 ? [] : clip(oldest, [{ from: first + Math.ceil(count / 2), to: first + count }]);
    bytes -= letterBytes([oldest]) - letterBytes(newer);
    rest = [...newer, ...others];
  }
  return rest;
}

/** Dead letters that no file holds: there was no room for them, and a crash came before that was noted. */
export const unnotedDiscards = ({ letters, forward }: OpenJournal): Discarded[] =>
  epochsIn(forward.book).flatMap((epoch) =>
    LANES.flatMap((lane) => {
      const fates = fatesOf(forward.book, epoch, lane);
      const held = letters.entries.filter((entry) => entry.epoch === epoch && entry.lane === lane);
      const gone = subtract(subtract(deadLettersOf(fates), fates.discarded), rangeSetOf(held));
      return gone.map((range) => ({ ...outcomeOf({ epoch, lane }, range), fate: 'discarded' as const }));
    }),
  );

/** What is left of a letter. */
const letterOf = (
  { number, bytes: _bytes, series: _series, ...letter }: LetterEntry,
  { from, to }: Range,
): DeadLetter => ({
  ...letter,
  from,
  to,
  id: String(number),
});

/** Letters of records that are not dead: delivered after all, or never settled because of a crash. */
export const lettersWithoutUse = ({ letters, forward }: OpenJournal): LetterEntry[] =>
  letters.entries.filter((entry) => {
    const fates = fatesOf(forward.book, entry.epoch, entry.lane);
    return subtract(intersect([entry], deadLettersOf(fates)), fates.discarded).length === 0;
  });
