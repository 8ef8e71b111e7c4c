import type { Epoch } from '../core/identity.ts';
import type { Outcome } from '../core/lane-fates.ts';
import type { Lane } from '../core/priority.ts';
import { type Range, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';

interface Lease extends Range {
  epoch: Epoch;
  lane: Lane;
  /** Monotonic ms. */
  until: number;
}

/** What was handed out to be sent, and is not evicted meanwhile. In memory: a new process has sent nothing yet. */
export interface Leases {
  grant(lease: Lease): void;
  /** Their records have a fate: nobody needs them any more. */
  end(outcomes: readonly Outcome[]): void;
  of(epoch: Epoch, lane: Lane, now: number): RangeSet;
}

export function createLeases(): Leases {
  let leases: Lease[] = [];
  return {
    grant(lease) {
      leases.push(lease);
    },
    end(outcomes) {
      for (const { epoch, lane, from, to } of outcomes) {
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
