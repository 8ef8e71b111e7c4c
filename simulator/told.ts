import { laneKeyText, PRODUCER } from '../core/identity.ts';
import { type AnswerItem, decodeAnswer } from '../core/messages.ts';
import { addRanges, intersect, NO_RANGES, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { StoredRow } from '../core/stored-row.ts';
import type { Problem } from './check-node.ts';
import { byLane, type FarLedger } from './far-ledger.ts';

/** What the far side has said to the nodes; every word of it must be true when it is said, and stay true. */
export interface Told {
  /** An answer leaves the far side. */
  note(node: string, payload: Uint8Array): Problem | undefined;
  /** Rows are not visible any more. */
  noteVanished(rows: readonly StoredRow[]): Problem | undefined;
  /** Positions of one lane that it once said not to have. */
  deniedIn(node: string, epoch: string, lane: number): RangeSet;
  /** Positions of one lane that it once refused for this reason. */
  refusedIn(node: string, epoch: string, lane: number, reason: string): RangeSet;
}

/** One message may come several times and its refusal get lost; a range that is refused so often will be for ever. */
const MAX_OVERLAPS = 30;

export function createTold(ledger: FarLedger): Told {
  const stored = new Map<string, RangeSet>();
  const denied = new Map<string, RangeSet>();
  const refused = new Map<string, RangeSet>();
  /** How often each range was refused as an overlap. */
  const overlaps = new Map<string, number>();
  const grow = (sets: Map<string, RangeSet>, name: string, ranges: RangeSet): void =>
    void sets.set(name, addRanges(sets.get(name) ?? NO_RANGES, ranges));

  const repeats = (range: string): boolean => {
    const times = (overlaps.get(range) ?? 0) + 1;
    overlaps.set(range, times);
    return times > MAX_OVERLAPS;
  };

  return {
    note(node, payload) {
      const decoded = decodeAnswer(payload);
      if (!decoded.ok) return { invariant: 'answers can be read', detail: decoded.detail };
      for (const item of decoded.value.items) {
        const key = { node, producer: item.producer, epoch: item.epoch, lane: item.lane };
        const name = laneKeyText(key);
        const said = saidToBeStored(item);
        const untrue = subtract(said, ledger.visibleIn(key));
        if (untrue.length > 0) {
          const detail = `${name}: ${JSON.stringify(untrue)} of ${JSON.stringify(item)} cannot be queried`;
          return { invariant: 'acknowledged means visible', detail };
        }
        if (said.length > 0) grow(stored, name, said);
        const again =
          item.type === 'refused' && item.reason === 'overlap' && repeats(`${name}/${item.from}/${item.to}`);
        if (item.type === 'refused') grow(refused, `${name}/${item.reason}`, [{ from: item.from, to: item.to }]);
        if (again) return { invariant: 'an overlap is sent again without what is known', detail: JSON.stringify(item) };
        if (item.type === 'status') grow(denied, name, subtract(rangeSetOf(item.asked), rangeSetOf(item.known)));
      }
      return undefined;
    },
    noteVanished(rows) {
      for (const [key, ranges] of byLane(rows)) {
        const lost = intersect(ranges, stored.get(laneKeyText(key)) ?? NO_RANGES);
        if (lost.length === 0) continue;
        const detail = `${laneKeyText(key)}: ${JSON.stringify(lost)} cannot be queried any more`;
        return { invariant: 'what was acknowledged stays visible', detail };
      }
      return undefined;
    },
    refusedIn: (node, epoch, lane, reason) =>
      refused.get(`${node}/${PRODUCER}/${epoch}/${lane}/${reason}`) ?? NO_RANGES,
    deniedIn: (node, epoch, lane) => denied.get(`${node}/${PRODUCER}/${epoch}/${lane}`) ?? NO_RANGES,
  };
}

function saidToBeStored(item: AnswerItem): RangeSet {
  if (item.type === 'stored') return rangeSetOf(item.ranges);
  if (item.type === 'status') return intersect(rangeSetOf(item.asked), rangeSetOf(item.known));
  return item.type === 'refused' ? rangeSetOf(item.known ?? []) : NO_RANGES;
}
