import type { LaneState } from '../../core/forward/state.ts';
import { finished, outcomeOf } from '../../core/lane-fates.ts';
import { addRange, NO_RANGES, type Range, type RangeSet, rangeSetOf, subtract } from '../../core/ranges.ts';
import type { Journal } from '../../journal/journal-port.ts';

/** What the journal has handed out to be sent, and so does not evict. */
export interface Lent {
  took(lane: LaneState, range: Range): void;
  /**
   * Gives back what is not on its way any more and has no fate that says so: refused, grounded, never sent. Else records
   * of a higher class could be refused for as long as its timeout.
   */
  giveBack(): void;
}

export function createLent(journal: Pick<Journal, 'release'>): Lent {
  const lent = new Map<LaneState, RangeSet>();
  return {
    took(lane, range) {
      lent.set(lane, addRange(lent.get(lane) ?? NO_RANGES, range));
    },
    giveBack() {
      const back = [...lent].flatMap(([lane, ranges]) => {
        const idle = subtract(ranges, rangeSetOf(lane.flights));
        if (idle.length === 0) return [];
        const rest = subtract(ranges, idle);
        if (rest.length > 0) lent.set(lane, rest);
        else lent.delete(lane);
        return subtract(idle, finished(lane.fates)).map((range) => outcomeOf(lane, range));
      });
      // Called at once: it must not end a lease that is granted later. If it fails the journal is gone, or says so itself.
      if (back.length > 0) journal.release(back).catch(() => undefined);
    },
  };
}
