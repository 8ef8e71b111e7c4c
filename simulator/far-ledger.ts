import { type LaneKey, laneKeyText } from '../core/identity.ts';
import type { FarSideLedger } from '../core/ledger.ts';
import { LANES, type Lane, priorityOf } from '../core/priority.ts';
import { addRanges, countOf, NO_RANGES, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import type { StoredRow } from '../core/stored-row.ts';

/** What the far side holds of each node, counted as its changes come in. */
export interface FarLedger {
  noteIndex(key: LaneKey, stored: RangeSet, givenUp: RangeSet): void;
  noteAppeared(rows: readonly StoredRow[]): void;
  noteVanished(rows: readonly StoredRow[]): void;
  of(node: string): FarSideLedger;
  /** What its index says of one lane. */
  indexOf(key: LaneKey): Pick<LaneEntry, 'stored' | 'givenUp'>;
  /** Positions of one lane whose rows queries see. */
  visibleIn(key: LaneKey): RangeSet;
  lanes(): readonly (LaneKey & Pick<LaneEntry, 'stored' | 'visible'>)[];
  /** Rows visible now. */
  rows(): number;
}

interface LaneEntry {
  key: LaneKey;
  stored: RangeSet;
  givenUp: RangeSet;
  visible: RangeSet;
}

export function createFarLedger(): FarLedger {
  const lanes = new Map<string, LaneEntry>();
  const totals = new Map<string, { indexed: number; rows: number; givenUp: number }>();
  const totalOf = (node: string, lane: Lane) => {
    const key = `${node}/${lane}`;
    const found = totals.get(key) ?? { indexed: 0, rows: 0, givenUp: 0 };
    totals.set(key, found);
    return found;
  };
  const entryOf = (key: LaneKey): LaneEntry => {
    const found = lanes.get(laneKeyText(key)) ?? { key, stored: NO_RANGES, givenUp: NO_RANGES, visible: NO_RANGES };
    lanes.set(laneKeyText(key), found);
    return found;
  };
  return {
    noteIndex(key, stored, givenUp) {
      const entry = entryOf(key);
      const total = totalOf(key.node, key.lane);
      total.indexed += countOf(stored) - countOf(entry.stored);
      total.givenUp += countOf(givenUp) - countOf(entry.givenUp);
      Object.assign(entry, { stored, givenUp });
    },
    noteAppeared(rows) {
      for (const [key, ranges] of byLane(rows)) {
        const entry = entryOf(key);
        entry.visible = addRanges(entry.visible, ranges);
      }
      for (const row of rows) totalOf(row.node, row.lane).rows++;
    },
    noteVanished(rows) {
      for (const [key, ranges] of byLane(rows)) {
        const entry = entryOf(key);
        entry.visible = subtract(entry.visible, ranges);
      }
      for (const row of rows) totalOf(row.node, row.lane).rows--;
    },
    of: (node) => ({
      node,
      lanes: LANES.map((lane) => ({ priority: priorityOf(lane), ...totalOf(node, lane) })),
    }),
    indexOf: (key) => lanes.get(laneKeyText(key)) ?? { stored: NO_RANGES, givenUp: NO_RANGES },
    visibleIn: (key) => lanes.get(laneKeyText(key))?.visible ?? NO_RANGES,
    lanes: () => [...lanes.values()].map(({ key, stored, visible }) => ({ ...key, stored, visible })),
    rows: () => [...totals.values()].reduce((sum, { rows }) => sum + rows, 0),
  };
}

/** The positions of rows by their lanes. */
export function byLane(rows: readonly StoredRow[]): (readonly [LaneKey, RangeSet])[] {
  const lanes = new Map<string, { key: LaneKey; positions: number[] }>();
  for (const { node, producer, epoch, lane, position } of rows) {
    const key = { node, producer, epoch, lane };
    const text = laneKeyText(key);
    const found = lanes.get(text);
    if (found) found.positions.push(position);
    else lanes.set(text, { key, positions: [position] });
  }
  return [...lanes.values()].map(({ key, positions }) => [key, rangesOf(positions)] as const);
}

function rangesOf(positions: number[]): RangeSet {
  const ranges: { from: number; to: number }[] = [];
  for (const position of positions.sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.to === position) last.to++;
    else ranges.push({ from: position, to: position + 1 });
  }
  return rangeSetOf(ranges);
}
