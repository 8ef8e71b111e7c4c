import type { JournalLane } from '../../journal/commit-codec.ts';
import type { AppendResult } from '../../journal/journal-port.ts';
import { journalLaneOf, type Offer, type Round, type TurnAway } from './round.ts';
import type { SeriesTable } from './series.ts';

/** What is tried as one commit. */
export interface Attempt {
  offers: readonly Offer[];
  /** What of it must not be committed. */
  turnAway?: TurnAway;
}

export type Refusal = Pick<Extract<AppendResult, { ok: false }>, 'reason' | 'detail'>;

/** What to try instead of a round that was refused. */
export interface Less {
  /** In this order; if one of them is refused, so are all that follow. */
  attempts: readonly Attempt[];
  /** Told to come again later. */
  later: readonly Offer[];
}

export interface Refused {
  attempt: Attempt;
  round: Pick<Round, 'lanes'>;
  refusal: Refusal;
}

/**
 * What of a refused round may still find room. A commit may push out no more than the least important of its records may
 * (journal/quota.ts): so first it goes without those, down to the most important ones alone. Then a round larger than a
 * block should be goes in two halves. Undefined = there is nothing less to try.
 *
 * @param blockBytes what a block of records should not be larger than: about a segment of the journal
 */
export function lessThan(
  { attempt, round, refusal }: Refused,
  series: SeriesTable,
  blockBytes: number,
): Less | undefined {
  const { offers } = attempt;
  if (refusal.reason !== 'journal-full') return undefined;
  if (round.lanes.length > 1) {
    const from = round.lanes.map(({ lane }) => lane).reduce((a, b) => (a > b ? a : b));
    const { staying, later } = withoutMixed(offers, series, from);
    if (staying.some((offer) => hasBefore(from, offer, series))) {
      return { attempts: [{ offers: staying, turnAway: { ...refusal, from } }], later };
    }
  }
  const bytes = round.lanes.reduce((sum, lane) => sum + lane.bytes.length, 0);
  if (bytes <= blockBytes || offers.length < 2) return undefined;
  const half = Math.ceil(offers.length / 2);
  const attempts = [offers.slice(0, half), offers.slice(half)].map((part) => ({ ...attempt, offers: part }));
  return { attempts, later: [] };
}

/**
 * A source that can wait has one position, or one acknowledgement, for all of a batch: a part of it cannot be committed.
 * Nothing of a mixed batch is lost, it comes again as a whole; and with it whatever must not overtake it: batches with a
 * later position, and later values of the same series.
 */
function withoutMixed(
  offers: readonly Offer[],
  series: SeriesTable,
  turnedAwayFrom: JournalLane,
): { staying: Offer[]; later: Offer[] } {
  const staying: Offer[] = [];
  const later: Offer[] = [];
  const behind = new Set<unknown>();
  for (const offer of offers) {
    const { source, canWait, batch } = offer;
    const found = batch.readings.flatMap(({ device, stream }) => series.find(device, stream) ?? []);
    const waits =
      found.some(({ plan }) => journalLaneOf(plan) >= turnedAwayFrom) ||
      found.some((one) => behind.has(one)) ||
      (batch.position !== undefined && behind.has(source));
    if (!canWait || !waits) {
      staying.push(offer);
      continue;
    }
    later.push(offer);
    for (const key of [source, ...found]) behind.add(key);
  }
  return { staying, later };
}

const hasBefore = (lane: JournalLane, { batch }: Offer, series: SeriesTable): boolean =>
  batch.readings.some(({ device, stream }) => {
    const one = series.find(device, stream);
    return one !== undefined && journalLaneOf(one.plan) < lane;
  });
