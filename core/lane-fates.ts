import type { Epoch } from './identity.ts';
import { LANES, type Lane } from './priority.ts';
import { addRange, addRanges, countOf, NO_RANGES, type Range, type RangeSet, subtract } from './ranges.ts';

/** Why a node stopped trying to deliver a record. Expiry, eviction and dead letters by retry join with their issue. */
export const GIVE_UP_REASONS = ['damaged'] as const;
export type GiveUpReason = (typeof GIVE_UP_REASONS)[number];

/** What became of a range of one lane of one epoch. */
export interface Outcome extends Range {
  epoch: Epoch;
  lane: Lane;
  fate: 'delivered' | GiveUpReason;
}

/** The final fates of the records of one lane of one epoch; what is in neither is still waiting. */
export interface LaneFates {
  delivered: RangeSet;
  givenUp: RangeSet;
}
export const NO_FATES: LaneFates = { delivered: NO_RANGES, givenUp: NO_RANGES };

/** Number of records by final fate, per lane. */
export interface FateTotals {
  delivered: number;
  givenUp: Record<GiveUpReason, number>;
}

/**
 * The book of fates of one producer: ranges for epochs that still have records on disk, plain totals for those that
 * have none. JSON, so that the forward log can keep it as its snapshot.
 */
export interface FateBook {
  /** Id of the far side that the fates are about; another one has none of the records. */
  farSide?: string;
  lanes: Record<string, LaneFates>;
  retired: FateTotals[];
}

const laneName = (epoch: Epoch, lane: Lane): string => `${epoch}/${lane}`;
const noTotals = (): FateTotals => ({ delivered: 0, givenUp: { damaged: 0 } });

export const emptyFateBook = (): FateBook => ({ lanes: {}, retired: LANES.map(noTotals) });
export const fatesOf = (book: FateBook, epoch: Epoch, lane: Lane): LaneFates =>
  book.lanes[laneName(epoch, lane)] ?? NO_FATES;
export const finished = ({ delivered, givenUp }: LaneFates): RangeSet => addRanges(delivered, givenUp);

/** Delivered wins over given up, whenever it comes: a late acknowledgement is still the truth. */
export function applyOutcome(fates: LaneFates, { from, to, fate }: Outcome): LaneFates {
  const range = { from, to };
  if (fate === 'delivered') {
    return { delivered: addRange(fates.delivered, range), givenUp: subtract(fates.givenUp, [range]) };
  }
  return { ...fates, givenUp: addRanges(fates.givenUp, subtract([range], fates.delivered)) };
}

/** Enters outcomes into the book, in place. */
export function enterOutcomes(book: FateBook, outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    const name = laneName(outcome.epoch, outcome.lane);
    book.lanes[name] = applyOutcome(book.lanes[name] ?? NO_FATES, outcome);
  }
}

/** Epochs with no record on disk become plain totals, in place. */
export function retireEpochs(book: FateBook, alive: ReadonlySet<Epoch>): void {
  for (const [name, fates] of Object.entries(book.lanes)) {
    const [epoch, lane] = name.split('/') as [Epoch, string];
    if (alive.has(epoch)) continue;
    const totals = book.retired[Number(lane)]!;
    totals.delivered += countOf(fates.delivered);
    totals.givenUp.damaged += countOf(fates.givenUp);
    delete book.lanes[name];
  }
}

/** Totals of one lane over all epochs. */
export function totalsOf(book: FateBook, lane: Lane): FateTotals {
  const totals = structuredClone(book.retired[lane]!);
  for (const [name, fates] of Object.entries(book.lanes)) {
    if (Number(name.split('/')[1]) !== lane) continue;
    totals.delivered += countOf(fates.delivered);
    totals.givenUp.damaged += countOf(fates.givenUp);
  }
  return totals;
}

/** The part of `ranges` that has no fate yet. */
export const unfinished = (fates: LaneFates, ranges: RangeSet): RangeSet => subtract(ranges, finished(fates));
