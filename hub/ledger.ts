import type { StoreLedger } from '../adapters/embedded/store-counts.ts';
import { checkNodeLedger, compareSides, type FarSideLedger, type Imbalance, type NodeLedger } from '../core/ledger.ts';
import { PRIORITIES } from '../core/priority.ts';

/** What a node last told the hub of itself, per priority (count statements). */
export interface StatedCounts {
  priority: FarSideLedger['lanes'][number]['priority'];
  /** Records enqueued in the epochs that the node still speaks of. */
  enqueued: number;
  delivered: number;
}

/** Both sides of one node and where they differ. */
export interface NodeComparison {
  node: string;
  /** False = it was renamed or removed: only what the store holds of it is compared. */
  inFleet: boolean;
  /** The node's own ledger, if it runs in this process. */
  side: NodeLedger | undefined;
  stated: StatedCounts[];
  far: FarSideLedger;
  streams: { stream: string; priority: string; rows: number }[];
  differences: Imbalance[];
}

export interface HubLedger {
  farSide: string;
  balanced: boolean;
  nodes: NodeComparison[];
}

/**
 * The ledger of a hub. With the node's side at hand both are compared at this cut; without it, rows, index and the
 * node's last statement are.
 */
export function hubLedgerOf(store: StoreLedger, nodes: readonly string[], sides: readonly NodeLedger[]): HubLedger {
  const stored = [...store.lanes.map(({ key }) => key.node), ...store.streams.map(({ node }) => node)];
  const comparisons = [...new Set([...nodes, ...stored])].map((node) =>
    compareNode(
      store,
      node,
      nodes.includes(node),
      sides.find((side) => side.node === node),
    ),
  );
  return {
    farSide: store.farSide,
    balanced: comparisons.every(({ differences }) => differences.length === 0),
    nodes: comparisons,
  };
}

function compareNode(store: StoreLedger, node: string, inFleet: boolean, side: NodeLedger | undefined): NodeComparison {
  const lanes = store.lanes.filter(({ key }) => key.node === node);
  const sum = (priority: string, count: (lane: StoreLedger['lanes'][number]) => number): number =>
    lanes.reduce((total, lane) => total + (lane.priority === priority ? count(lane) : 0), 0);
  const far: FarSideLedger = {
    node,
    lanes: PRIORITIES.map((priority) => ({
      priority,
      indexed: sum(priority, (lane) => lane.stored),
      rows: sum(priority, (lane) => lane.rows),
      givenUp: sum(priority, (lane) => lane.givenUp),
    })),
  };
  const stated = PRIORITIES.map((priority) => ({
    priority,
    enqueued: sum(priority, (lane) => lane.stated?.upTo ?? 0),
    delivered: sum(priority, (lane) => lane.stated?.delivered ?? 0),
  }));
  const streams = store.streams.flatMap(({ node: of, stream, priority, rows }) =>
    of === node ? [{ stream, priority, rows }] : [],
  );
  const differences = [
    ...store.lanes.filter(({ key }) => key.node === node).flatMap(countsOf),
    ...(side ? [...checkNodeLedger(side), ...compareSides(side, far)] : []),
  ];
  return { node, inFleet, side, stated, far, streams, differences };
}

/** The hub's three counts of one lane against each other. */
function countsOf({ key, priority, rows, positions, stored, stated }: StoreLedger['lanes'][number]): Imbalance[] {
  const problems: Imbalance[] = [];
  const report = (what: string, left: number, right: number): void =>
    void problems.push({ node: key.node, what: `${priority}, epoch ${key.epoch}: ${what}`, left, right });
  if (rows !== positions) report('rows = different positions', rows, positions);
  if (positions !== stored) report('positions in rows = positions in the index', positions, stored);
  if (stated && stated.delivered > stored) report('delivered (node) ≤ stored', stated.delivered, stored);
  return problems;
}
