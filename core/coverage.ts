import { type EnvelopeHeader, liveRanges } from './envelope.ts';
import type { Hash64 } from './identity.ts';
import type { CountStatement } from './messages.ts';
import type { LaneIndex } from './ports.ts';
import { addRange, addRanges, countOf, intersect, type RangeSet, sameRanges, subtract, within } from './ranges.ts';

/** What a far side does with an envelope, decided from its index alone (docs/adr/0001-identity.md). */
export type Verdict =
  /** Nothing of it is stored: store it, and these are the lane's sets then. */
  | { outcome: 'store'; stored: RangeSet; givenUp: RangeSet }
  /** Stored already: acknowledge it again. */
  | { outcome: 'known' }
  /** Stored in part, `known`; the node sends the rest. */
  | { outcome: 'overlap'; known: RangeSet }
  /** Another content under a name that is taken: never acknowledged. */
  | { outcome: 'identity-conflict' }
  /** The lane would fall into more pieces than MAX_PIECES. */
  | { outcome: 'too-fragmented' };

/**
 * Each change of a lane writes all its pieces anew, so their number is bounded. Nodes send in order, a few dozen
 * envelopes at once: only what expires or is evicted between deliveries leaves lasting holes. A lane that is full still
 * takes what fills or extends a piece.
 */
export const MAX_PIECES = 1_000;

/**
 * Judges an envelope. Its live positions (those not given up inside it) count; a position that the index holds as
 * given up may still be stored and leaves that set, a stored one stays stored whatever a node says later.
 *
 * @param knownHash the hash stored for exactly this range, if any
 */
export function judge(index: LaneIndex, header: EnvelopeHeader, knownHash: Hash64 | undefined): Verdict {
  const live = liveRanges(header);
  const known = intersect(live, index.stored);
  if (known.length === 0) {
    const stored = addRanges(index.stored, live);
    const givenUp = subtract(addRanges(index.givenUp, header.givenUp), stored);
    if (fragments(index.stored, stored) || fragments(index.givenUp, givenUp)) return { outcome: 'too-fragmented' };
    return { outcome: 'store', stored, givenUp };
  }
  if (!sameRanges(known, live)) return { outcome: 'overlap', known: within(index.stored, header) };
  return contradicts(index, header, live, knownHash) ? { outcome: 'identity-conflict' } : { outcome: 'known' };
}

/**
 * A hash speaks for the records of an envelope. If more of the range is stored than is live now, the node has given
 * up more since, or sends an old cut again: then the hashes differ for a good reason and prove nothing.
 */
function contradicts(index: LaneIndex, header: EnvelopeHeader, live: RangeSet, knownHash: Hash64 | undefined): boolean {
  if (knownHash === undefined || knownHash === header.hash) return false;
  return countOf(within(index.stored, header)) === countOf(live);
}

/** More pieces than before, and more than a lane may have. */
const fragments = (before: RangeSet, then: RangeSet): boolean =>
  then.length > MAX_PIECES && then.length > before.length;

/**
 * The lane's given-up positions after a count statement; what is stored stays stored. Ranges that would leave the lane
 * in more than MAX_PIECES are passed over.
 */
export function applyStatement(
  index: LaneIndex,
  statement: Pick<CountStatement['lanes'][number], 'givenUp'>,
): RangeSet {
  const all = subtract(addRanges(index.givenUp, statement.givenUp), index.stored);
  if (!fragments(index.givenUp, all)) return all;
  return statement.givenUp.reduce((givenUp, range) => {
    const grown = subtract(addRange(givenUp, range), index.stored);
    return fragments(givenUp, grown) ? givenUp : grown;
  }, index.givenUp);
}

/** The part of a status question that one answer can hold: of `asked`, exactly `known` is stored. */
export interface StatusPart {
  asked: RangeSet;
  known: RangeSet;
}

/**
 * Answers about the first of the asked ranges, as far as `maxRanges` known ranges reach; positions beyond are asked
 * again by the node.
 */
export function knownOf(index: LaneIndex, asked: RangeSet, maxRanges: number): StatusPart {
  const known = intersect(asked, index.stored);
  const next = known[maxRanges];
  if (next === undefined) return { asked, known };
  return { asked: within(asked, { from: 0, to: next.from }), known: known.slice(0, maxRanges) };
}
