import type { StoredRow } from '../core/stored-row.ts';
import type { FarSideLedger } from '../core/ledger.ts';
import type { StoreChange } from '../core/ports.ts';
import { LANES, priorityOf } from '../core/priority.ts';
import { countOf, NO_RANGES, type RangeSet } from '../core/ranges.ts';

/** What the store holds of each node, counted as its changes come in. */
export interface FarLedger {
  noteChange(change: StoreChange): void;
  noteRow(row: StoredRow): void;
  of(node: string): FarSideLedger;
  /** Stored positions of one lane. */
  storedIn(node: string, epoch: string, lane: number): RangeSet;
}

interface LaneEntry {
  stored: RangeSet;
  indexed: number;
  givenUp: number;
}

export function createFarLedger(): FarLedger {
  const lanes = new Map<string, LaneEntry>();
  const totals = new Map<string, { indexed: number; rows: number; givenUp: number }>();
  const totalOf = (node: string, lane: number) => {
    const key = `${node}/${lane}`;
    const found = totals.get(key) ?? { indexed: 0, rows: 0, givenUp: 0 };
    totals.set(key, found);
    return found;
  };
  return {
    noteChange(change) {
      for (const { key, stored, givenUp } of change.lanes) {
        const name = `${key.node}/${key.epoch}/${key.lane}`;
        const before = lanes.get(name) ?? { stored: NO_RANGES, indexed: 0, givenUp: 0 };
        const after = { stored, indexed: countOf(stored), givenUp: countOf(givenUp) };
        lanes.set(name, after);
        const total = totalOf(key.node, key.lane);
        total.indexed += after.indexed - before.indexed;
        total.givenUp += after.givenUp - before.givenUp;
      }
    },
    noteRow(row) {
      totalOf(row.node, row.lane).rows++;
    },
    of: (node) => ({
      node,
      lanes: LANES.map((lane) => ({ priority: priorityOf(lane), ...totalOf(node, lane) })),
    }),
    storedIn: (node, epoch, lane) => lanes.get(`${node}/${epoch}/${lane}`)?.stored ?? NO_RANGES,
  };
}
