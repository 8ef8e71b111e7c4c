import {
  deadLettersOf,
  emptyFateBook,
  enterOutcomes,
  type FateBook,
  fatesOf,
  type Outcome,
  outcomeOf,
  retireEpochs,
  unfinished,
} from '../../core/lane-fates.ts';
import { LANES, type Lane } from '../../core/priority.ts';
import { intersect, type Range } from '../../core/ranges.ts';
import type { Burial, DeadLetter, Journal, JournalOpening, LentRange, OldEpoch } from '../../journal/journal-port.ts';
import { createRecordWriter } from '../../journal/record-codec.ts';

/** A journal's queue without a disk: what a forwarder needs of it, in memory, over any number of openings. */
export interface FakeJournal extends Journal {
  /** `count` more records of a lane; returns where it ends now. */
  enqueue(lane: Lane, count: number): number;
  /** Everything that the forwarder noted, and when. */
  readonly noted: readonly (Outcome & { atMs: number })[];
  /** Ranges that were handed out and given back. */
  readonly released: readonly LentRange[];
  readonly book: FateBook;
  /** Calls fail with this text while it is set. */
  trouble: string | undefined;
}

/** @param nowMs the age clock */
export function createFakeJournal(nowMs: () => number): FakeJournal {
  const book = emptyFateBook();
  const noted: (Outcome & { atMs: number })[] = [];
  const released: LentRange[] = [];
  const enqueuedAt = new Map<string, number[]>();
  const letters = new Map<string, DeadLetter>();
  let epochs: string[] = [];
  const at = (epoch: string, lane: Lane): number[] => {
    const key = `${epoch}/${lane}`;
    const found = enqueuedAt.get(key) ?? [];
    enqueuedAt.set(key, found);
    return found;
  };
  const note = (outcomes: readonly Outcome[]): void => {
    enterOutcomes(book, outcomes);
    noted.push(...outcomes.map((outcome) => ({ ...outcome, atMs: nowMs() })));
  };
  const failing = (): void => {
    if (journal.trouble !== undefined) throw new Error(journal.trouble);
  };
  const take = (ids: readonly string[]): DeadLetter[] =>
    ids.flatMap((id) => {
      const letter = letters.get(id);
      letters.delete(id);
      return letter ?? [];
    });
  const dead = ({ epoch, lane, from, to }: Burial): readonly Range[] =>
    intersect(deadLettersOf(fatesOf(book, epoch, lane)), [{ from, to }]);

  const journal: FakeJournal = {
    book,
    noted,
    released,
    trouble: undefined,
    enqueue(lane, count) {
      const own = at(epochs.at(-1)!, lane);
      for (let index = 0; index < count; index++) own.push(nowMs());
      return own.length;
    },
    async open(): Promise<JournalOpening> {
      const old = epochs.map(
        (epoch): OldEpoch => ({
          epoch,
          lanes: LANES.map((lane) => {
            const times = at(epoch, lane);
            const marks = times.map((ageMs, index) => ({ to: index + 1, ageMs }));
            return { available: times.length > 0 ? [{ from: 0, to: times.length }] : [], end: times.length, marks };
          }),
        }),
      );
      const epoch = (epochs.length + 1).toString(16).padStart(16, '0');
      const enqueued = LANES.map((lane) => epochs.reduce((sum, one) => sum + at(one, lane).length, 0));
      retireEpochs(book, new Set(epochs));
      epochs = [...epochs, epoch];
      const fates = structuredClone(book);
      return { epoch, state: {}, series: 0, enqueued, epochs: old, fates, damages: 0, localHeld: 0, ageMs: nowMs() };
    },
    append: () => Promise.reject(new Error('not here')),
    async read({ epoch, lane, from, to, maxRecords }) {
      failing();
      const end = Math.min(to, from + maxRecords);
      const parts = unfinished(fatesOf(book, epoch, lane), [{ from, to: end }]).map((range) => {
        const writer = createRecordWriter();
        for (let position = range.from; position < range.to; position++) {
          writer.push({ series: position, ts: 1e12 + position, value: position, quality: 'good', clock: 'synced' });
        }
        return { ...range, wallMs: 0, monotonicMs: 0, ageMs: at(epoch, lane)[range.from]!, bytes: writer.bytes() };
      });
      return { to: end, parts, missing: [] };
    },
    async settle(outcomes) {
      note(outcomes);
    },
    async release(ranges) {
      released.push(...ranges);
    },
    noteFarSide: async () => undefined,
    async noteMeter(meter) {
      book.meter = meter;
    },
    async bury(letter) {
      failing();
      const id = `${letter.epoch}-${letter.lane}-${letter.from}`;
      letters.set(id, { ...letter, id, buriedMs: nowMs() });
      return { buried: [{ from: letter.from, to: letter.to }], missing: [], unkept: [], discarded: [] };
    },
    deadLetters: async () => [...letters.values()].filter((letter) => dead(letter).length > 0),
    async exhume(ids) {
      const outcomes = take(ids).flatMap((letter) =>
        dead(letter).map((range) => ({ ...outcomeOf(letter, range), fate: 'replayed' as const })),
      );
      note(outcomes);
      return outcomes;
    },
    async discard(ids) {
      const outcomes = take(ids).flatMap((letter) =>
        dead(letter).map((range) => ({ ...outcomeOf(letter, range), fate: 'discarded' as const })),
      );
      note(outcomes);
      return outcomes;
    },
    letter: () => Promise.reject(new Error('not here')),
    readLocal: () => Promise.reject(new Error('not here')),
    rotateKeys: () => Promise.reject(new Error('not here')),
    status: () => Promise.reject(new Error('not here')),
    close: async () => undefined,
  };
  return journal;
}
