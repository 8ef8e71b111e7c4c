import type { LaneKey } from '../../core/identity.ts';
import type { Logger } from '../../core/ports.ts';
import type { Priority } from '../../core/priority.ts';
import type { RangeSet } from '../../core/ranges.ts';

/** What the index says of one node, read consistently item by item, the counters first. */
export interface NodeIndex {
  /** Records stored, counted row by row as they were. */
  counts: Readonly<Record<Priority, number>>;
  lanes: readonly IndexedLane[];
}
export interface IndexedLane {
  key: LaneKey;
  /** Grows with each change; 0 = there is only a statement. */
  version: number;
  stored: RangeSet;
  /** May hold positions that were stored after all. */
  givenUp: RangeSet;
  /** The node's latest word of it. */
  stated: StatedLane | undefined;
}

export interface StatedLane {
  /** Of the positions below, so many were acknowledged. */
  upTo: number;
  delivered: number;
  /** Records of all lanes that the node had finished with by then. */
  forgotten: number;
  /** When it was taken down, ms since 1970. */
  atMs: number;
}

/** A count that the node or the store gives and another count contradicts. */
export interface Difference {
  priority: Priority;
  /** Records, above 0. */
  records: number;
  /** Which counts, and what they say. */
  detail: string;
}

export interface MetricPoint {
  name: string;
  value: number;
  dimensions: Readonly<Record<string, string>>;
}

/** What compare needs of the world. */
export interface ComparePorts {
  /** undefined = the node has never delivered nor stated anything. */
  readIndex: (node: string) => Promise<NodeIndex | undefined>;
  putMetrics: (points: readonly MetricPoint[], atMs: number) => Promise<void>;
  nowMs: () => number;
  logger: Logger;
}

export interface CompareResult {
  /** Nodes that the index knows. */
  nodes: number;
  /** Records by which counts differ, in all. */
  difference: number;
  /** Nodes that were stored for all the while: they are compared the next time. */
  undecided: number;
}
