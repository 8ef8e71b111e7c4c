import { changeFarSide, type DeliveredElsewhere, forgetLane, NOWHERE_ELSE } from './far-sides.ts';
import type { Meter } from './forward/budget.ts';
import type { Epoch } from './identity.ts';
import type { RetryableRefusal } from './messages.ts';
import { onceEach } from './once-each.ts';
import { LANES, type Lane } from './priority.ts';
import {
  addRanges,
  countOf,
  intersect,
  NO_RANGES,
  type Range,
  type RangeSet,
  subtract,
  withoutRanges,
} from './ranges.ts';

/**
 * Why a node stopped trying to deliver a record. If several are true of one, the later in this list is its fate, in
 * whatever order they are noted: producer and forwarder give up independently of each other.
 */
export const GIVE_UP_REASONS = ['damaged', 'expired', 'dead-lettered', 'evicted'] as const;
export type GiveUpReason = (typeof GIVE_UP_REASONS)[number];

/** What used up the last retry. */
export type DeadLetterReason = 'no-answer' | RetryableRefusal;

/** What became of a range of one lane of one epoch, or what is to be remembered of it. */
export type Outcome = Range & { epoch: Epoch; lane: Lane } & (
    | { fate: 'delivered' }
    | { fate: Exclude<GiveUpReason, 'dead-lettered'> }
    | { fate: 'dead-lettered'; reason: DeadLetterReason }
    /** Not delivered yet; so many sends of it have failed. */
    | { fate: 'tried'; count: number; reason: DeadLetterReason }
    /** Given up, and the far side has taken it down. */
    | { fate: 'stated' }
    /** A dead letter that waits again, by an operator's word. */
    | { fate: 'replayed' }
    /** A dead letter whose records are gone: it cannot be replayed any more. */
    | { fate: 'discarded' }
  );

export interface Tried extends Range {
  count: number;
  /** Of the last failure. */
  reason: DeadLetterReason;
}

/**
 * The final fates of the records of one lane of one epoch: disjoint, and what is in none of the first five is still
 * waiting. The rest are notes on them.
 */
export interface LaneFates {
  delivered: RangeSet;
  expired: RangeSet;
  evicted: RangeSet;
  deadLettered: Partial<Record<DeadLetterReason, RangeSet>>;
  damaged: RangeSet;
  /** Given-up positions that the far side has taken down. */
  stated: RangeSet;
  /** Were dead letters once; their time to live is over and counts no more. */
  replayed: RangeSet;
  /** Dead letters without records. */
  discarded: RangeSet;
  /** How many sends have failed, of waiting positions. */
  tries: readonly Tried[];
}
export const NO_FATES: LaneFates = {
  delivered: NO_RANGES,
  expired: NO_RANGES,
  evicted: NO_RANGES,
  deadLettered: {},
  damaged: NO_RANGES,
  stated: NO_RANGES,
  replayed: NO_RANGES,
  discarded: NO_RANGES,
  tries: [],
};

/** All dead letters, whatever their reason. */
export const deadLettersOf = ({ deadLettered }: LaneFates): RangeSet =>
  Object.values(deadLettered).reduce<RangeSet>(addRanges, NO_RANGES);

/** Everything given up, for whatever reason. */
export const givenUpOf = onceEach(
  (fates: LaneFates): RangeSet =>
    [fates.expired, fates.evicted, deadLettersOf(fates), fates.damaged].reduce(addRanges, NO_RANGES),
);

export const finished = onceEach((fates: LaneFates): RangeSet => addRanges(fates.delivered, givenUpOf(fates)));

/** The part of `ranges` that has no final fate yet. */
export const unfinished = (fates: LaneFates, ranges: RangeSet): RangeSet =>
  ranges.length === 0 ? ranges : subtract(ranges, finished(fates));

/** Given up, and the far side has not taken it down yet. */
export const unstated = (fates: LaneFates): RangeSet => subtract(givenUpOf(fates), fates.stated);

/**
 * Delivered wins over given up, whenever it comes: a late acknowledgement is still the truth.
 *
 * @param range all that has this outcome. @default its own range
 */
export function applyOutcome(
  fates: LaneFates,
  outcome: Outcome,
  range: RangeSet = [{ from: outcome.from, to: outcome.to }],
): LaneFates {
  switch (outcome.fate) {
    case 'delivered':
      return { ...withoutGivenUp(fates, range), delivered: addRanges(fates.delivered, range) };
    case 'tried':
      return { ...fates, tries: noteTries(fates, range, outcome) };
    case 'stated':
      return { ...fates, stated: addRanges(fates.stated, intersect(givenUpOf(fates), range)) };
    case 'replayed': {
      const again = intersect(deadLettersOf(fates), range);
      return { ...withoutGivenUp(fates, again), replayed: addRanges(fates.replayed, again) };
    }
    case 'discarded':
      return { ...fates, discarded: addRanges(fates.discarded, intersect(deadLettersOf(fates), range)) };
    default:
      return giveUp(fates, outcome, range);
  }
}

type GivenUp = Extract<Outcome, { fate: 'dead-lettered' }> | { fate: Exclude<GiveUpReason, 'dead-lettered'> };

function giveUp(fates: LaneFates, outcome: GivenUp, range: RangeSet): LaneFates {
  const rank = GIVE_UP_REASONS.indexOf(outcome.fate);
  const settled = GIVE_UP_REASONS.slice(rank).map((reason) => ofReason(fates, reason));
  const fresh = subtract(range, [fates.delivered, ...settled].reduce(addRanges, NO_RANGES));
  if (fresh.length === 0) return fates;
  // What the far side took down stays taken down: it does not care for the reason.
  const { stated } = fates;
  const rest = { ...withoutGivenUp(fates, fresh), stated };
  if (outcome.fate !== 'dead-lettered') return { ...rest, [outcome.fate]: addRanges(rest[outcome.fate], fresh) };
  const { reason } = outcome;
  const all = addRanges(rest.deadLettered[reason] ?? NO_RANGES, fresh);
  return { ...rest, deadLettered: { ...rest.deadLettered, [reason]: all } };
}

const ofReason = (fates: LaneFates, reason: GiveUpReason): RangeSet =>
  reason === 'dead-lettered' ? deadLettersOf(fates) : fates[reason];

/** None of the range is given up any more, nor was it tried. */
function withoutGivenUp(fates: LaneFates, range: RangeSet): LaneFates {
  const tries = withoutRanges(fates.tries, range);
  if (givenUpOf(fates).length === 0) return { ...fates, tries };
  const deadLettered = Object.entries(fates.deadLettered).flatMap(([reason, ranges]) => {
    const rest = subtract(ranges, range);
    return rest.length > 0 ? [[reason, rest]] : [];
  });
  return {
    ...fates,
    expired: subtract(fates.expired, range),
    evicted: subtract(fates.evicted, range),
    deadLettered: Object.fromEntries(deadLettered),
    damaged: subtract(fates.damaged, range),
    stated: subtract(fates.stated, range),
    discarded: subtract(fates.discarded, range),
    tries,
  };
}

const noteTries = (
  fates: LaneFates,
  range: RangeSet,
  { count, reason }: Omit<Tried, keyof Range>,
): readonly Tried[] => [
  ...withoutRanges(fates.tries, range),
  ...unfinished(fates, range).map((rest) => ({ ...rest, count, reason })),
];

/** How many sends of a range have failed: of its parts, the most. */
export const triesOf = ({ tries }: LaneFates, range: Range): number =>
  tries.reduce((most, { from, to, count }) => (from < range.to && range.from < to ? Math.max(most, count) : most), 0);

/** Number of records by final fate, per lane. */
export interface FateTotals {
  delivered: number;
  expired: number;
  evicted: number;
  deadLettered: Partial<Record<DeadLetterReason, number>>;
  damaged: number;
  /** Of the dead letters: their records are gone, by an operator's word or for want of room. */
  discarded: number;
}
export const noTotals = (): FateTotals => ({
  delivered: 0,
  expired: 0,
  evicted: 0,
  deadLettered: {},
  damaged: 0,
  discarded: 0,
});

/** Adds one lane's fates to totals, in place. */
export function addToTotals(totals: FateTotals, fates: LaneFates): void {
  for (const fate of ['delivered', 'expired', 'evicted', 'damaged', 'discarded'] as const) {
    totals[fate] += countOf(fates[fate]);
  }
  for (const [name, ranges] of Object.entries(fates.deadLettered)) {
    const reason = name as DeadLetterReason;
    totals.deadLettered[reason] = (totals.deadLettered[reason] ?? 0) + countOf(ranges);
  }
}

/** How many records the totals speak of. */
export const sumOfTotals = ({ delivered, expired, evicted, deadLettered, damaged }: FateTotals): number =>
  Object.values(deadLettered).reduce((sum, count) => sum + count, delivered + expired + evicted + damaged);

/**
 * The book of fates of one producer: ranges for epochs that still have records on disk or something to say, plain
 * totals for those that have not. JSON, so that the forward log can keep it as its snapshot.
 */
export interface FateBook {
  /** Id of the far side that answered last. */
  farSide?: string;
  /** By uplink, the id of the far side that answered there last: another one there is a store that was replaced. */
  uplinks?: Record<string, string>;
  /** What other far sides than that one have. @default nothing */
  elsewhere?: DeliveredElsewhere;
  lanes: Record<string, LaneFates>;
  /** What was sent and received today and this month. */
  meter?: Meter;
  retired: FateTotals[];
  /** Epochs that became totals while heads of the records' log may still name them. @default none */
  gone?: Epoch[];
}

/** Names a lane of an epoch within its producer. */
export const laneName = (epoch: Epoch, lane: Lane): string => `${epoch}/${lane}`;

export const emptyFateBook = (): FateBook => ({ lanes: {}, retired: LANES.map(noTotals) });
export const fatesOf = (book: FateBook, epoch: Epoch, lane: Lane): LaneFates =>
  book.lanes[laneName(epoch, lane)] ?? NO_FATES;
/** Epochs that the book holds ranges of. */
export const epochsIn = (book: FateBook): Epoch[] => [
  ...new Set(Object.keys(book.lanes).map((name) => name.split('/')[0]!)),
];

/** Enters outcomes into the book, in place. */
export function enterOutcomes(book: FateBook, outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    const name = laneName(outcome.epoch, outcome.lane);
    book.lanes[name] = applyOutcome(book.lanes[name] ?? NO_FATES, outcome);
  }
}

/**
 * Epochs with no record on disk become plain totals, in place; not while the far side has still to hear of something
 * that was given up, nor while a dead letter of any of its lanes can be replayed: that would bring the epoch back.
 */
export function retireEpochs(book: FateBook, alive: ReadonlySet<Epoch>): void {
  for (const epoch of epochsIn(book)) {
    if (alive.has(epoch) || !LANES.every((lane) => isClosed(fatesOf(book, epoch, lane)))) continue;
    for (const lane of LANES) {
      const name = laneName(epoch, lane);
      addToTotals(book.retired[lane]!, fatesOf(book, epoch, lane));
      delete book.lanes[name];
      if (book.elsewhere) book.elsewhere = forgetLane(book.elsewhere, name, lane);
    }
    book.gone = [...(book.gone ?? []), epoch];
  }
}

/** Retired epochs that no head on disk names any more need not be remembered as such; in place. */
export function forgetGone(book: FateBook, named: ReadonlySet<Epoch>): void {
  if (book.gone) book.gone = book.gone.filter((epoch) => named.has(epoch));
}

/** From now on fates are about this far side, over this uplink; in place. Another one has taken nothing down yet. */
export function enterFarSide(book: FateBook, id: string, uplink: string): void {
  const from = book.farSide;
  if (from !== undefined && from !== id) {
    const lanes = Object.entries(book.lanes);
    const delivered = Object.fromEntries(lanes.map(([name, fates]) => [name, fates.delivered]));
    const retired = book.retired.map((totals) => totals.delivered);
    book.elsewhere = changeFarSide(book.elsewhere ?? NOWHERE_ELSE, { from, to: id }, delivered, retired);
    for (const [name, fates] of lanes) book.lanes[name] = { ...fates, stated: NO_RANGES };
  }
  book.farSide = id;
  book.uplinks = { ...book.uplinks, [uplink]: id };
}

/** Nothing will be said or done about its given-up positions any more. */
export const isClosed = (fates: LaneFates): boolean =>
  unstated(fates).length === 0 && subtract(deadLettersOf(fates), fates.discarded).length === 0;

/** What every outcome of a range of a lane begins with. */
export const outcomeOf = (key: { epoch: Epoch; lane: Lane }, range: Range): Range & { epoch: Epoch; lane: Lane } => ({
  epoch: key.epoch,
  lane: key.lane,
  from: range.from,
  to: range.to,
});
