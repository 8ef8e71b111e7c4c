import type { Epoch } from '../core/identity.ts';
import type { Lane } from '../core/priority.ts';
import { type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { LentRange } from './journal-port.ts';

interface Lease extends LentRange {
  /** Monotonic ms. */
  until: number;
}

/** What was handed out to be sent, and is not evicted meanwhile. In memory: a new process has sent nothing yet. */
export interface Leases {
  grant(lease: Lease): void;
  /** Their records have a fate, or are not on their way any more. */
  end(ranges: readonly LentRange[]): void;
  of(epoch: Epoch, lane: Lane, now: number): RangeSet;
}

export function createLeases(): Leases {
  let leases: Lease[] = [];
  return {
    grant(lease) {
      leases.push(lease);
    },
    end(ranges) {
      for (const { epoch, lane, from, to } of ranges) {
        leases = leases.flatMap((lease) =>
          lease.epoch === epoch && lease.lane === lane
            ? subtract([lease], [{ from, to }]).map((rest) => ({ ...lease, ...rest }))
            : [lease],
        );
      }
    },
    of(epoch, lane, now) {
      leases = leases.filter(({ until }) => until > now);
      return rangeSetOf(leases.filter((lease) => lease.epoch === epoch && lease.lane === lane));
    },
  };
}
