import type { StoreLedger } from '../adapters/embedded/store-counts.ts';
import { checkNodeLedger, compareSides, type FarSideLedger, type Imbalance, type NodeLedger } from '../core/ledger.ts';
import { PRIORITIES, type Priority } from '../core/priority.ts';
import { type RemoteCounts, remoteCountsOf, wordProblems } from './remote-counts.ts';
import type { LatestWord, StatementBook } from './statement-book.ts';
import { unaccountedIn } from './unaccounted.ts';

/** Both sides of one node and where they differ. */
export interface NodeComparison {
  node: string;
  /** False = it was renamed or removed: only what the store holds of it is compared. */
  inFleet: boolean;
  /** The node's own ledger, if it runs in this process. */
  side: NodeLedger | undefined;
  /** What it stated of its records last, if it runs elsewhere; only of priorities that it ever had records of. */
  stated: RemoteCounts[];
  /** Of which moment `stated` is, in ms since 1970; undefined = it never stated anything. */
  statedAtMs: number | undefined;
  /**
   * How far the node's half could be checked: `now` = its own ledger, `as-of` = its last statement, in full, `no` = it
   * has said too little since the hub's start.
   */
  checked: 'now' | 'as-of' | 'no';
  far: FarSideLedger;
  /** Records without a fate: the node counted them once, has lost its journal, and nobody has them. */
  lost: Record<Priority, number>;
  streams: { stream: string; priority: string; rows: number }[];
  differences: Imbalance[];
}

/**
 * `balanced-as-of`: of nodes elsewhere, at the time of their last statements. `unknown`: nothing differs, but of some
 * nodes too little is known to say that all adds up.
 */
export type Verdict = 'balanced' | 'balanced-as-of' | 'unknown' | 'not-balanced';

export interface HubLedger {
  farSide: string;
  verdict: Verdict;
  /** The verdict is one of the first two. */
  balanced: boolean;
  nodes: NodeComparison[];
}

/**
 * The ledger of a hub. With the node's side at hand both are compared at this cut; without it, rows, index and the
 * node's last statement are.
 *
 * @param latestOf what a node stated last, read before the store was; default: nothing is known
 */
export function hubLedgerOf(
  store: StoreLedger,
  nodes: readonly string[],
  sides: readonly NodeLedger[],
  latestOf: StatementBook['latestOf'] = () => undefined,
): HubLedger {
  const stored = [...store.lanes.map(({ key }) => key.node), ...store.streams.map(({ node }) => node)];
  const comparisons = [...new Set([...nodes, ...stored])].map((node) =>
    compareNode(store, node, {
      inFleet: nodes.includes(node),
      side: sides.find((side) => side.node === node),
      latest: latestOf(node),
    }),
  );
  const verdict = verdictOf(comparisons);
  return {
    farSide: store.farSide,
    verdict,
    balanced: verdict === 'balanced' || verdict === 'balanced-as-of',
    nodes: comparisons,
  };
}

/** Of one ledger, or of a part of its nodes. */
export function verdictOf(nodes: readonly Pick<NodeComparison, 'inFleet' | 'checked' | 'differences'>[]): Verdict {
  if (nodes.some(({ differences }) => differences.length > 0)) return 'not-balanced';
  // One that left the fleet says nothing any more: what the store holds of it agrees with itself.
  const present = nodes.filter(({ inFleet }) => inFleet);
  if (present.some(({ checked }) => checked === 'no')) return 'unknown';
  return present.some(({ checked }) => checked === 'as-of') ? 'balanced-as-of' : 'balanced';
}

interface NodeView {
  inFleet: boolean;
  side: NodeLedger | undefined;
  latest: LatestWord | undefined;
}

function compareNode(store: StoreLedger, node: string, { inFleet, side, latest }: NodeView): NodeComparison {
  const lanes = store.lanes.filter(({ key }) => key.node === node);
  const ofPriority = (priority: Priority) => lanes.filter((lane) => lane.priority === priority);
  const far: FarSideLedger = { node, lanes: PRIORITIES.map((priority) => farCounts(priority, ofPriority(priority))) };
  const unaccounted = unaccountedIn(lanes, latest);
  const stated = side
    ? []
    : PRIORITIES.map((priority) => remoteCountsOf(priority, ofPriority(priority), latest, unaccounted));
  const streams = store.streams.flatMap(({ node: of, stream, priority, rows }) =>
    of === node ? [{ stream, priority, rows }] : [],
  );
  const statedAt = lanes.flatMap((lane) => (lane.stated ? [lane.stated.atMs] : []));
  const differences = [
    ...lanes.flatMap(countsOf),
    ...lostOf(node, unaccounted.lost),
    ...(side
      ? [...checkNodeLedger(side), ...compareSides(side, far)]
      : lanes.flatMap((lane) => wordProblems(lane, latest))),
  ];
  return {
    node,
    inFleet,
    side,
    stated: stated.filter(({ enqueued }) => enqueued > 0),
    statedAtMs: latest?.atMs ?? (statedAt.length > 0 ? Math.max(...statedAt) : undefined),
    checked: side ? 'now' : stated.every(({ waiting }) => waiting !== undefined) && latest ? 'as-of' : 'no',
    far,
    lost: unaccounted.lost,
    streams,
    differences,
  };
}

function farCounts(priority: Priority, lanes: readonly StoreLedger['lanes'][number][]): FarSideLedger['lanes'][number] {
  const sum = (count: (lane: StoreLedger['lanes'][number]) => number): number =>
    lanes.reduce((total, lane) => total + count(lane), 0);
  return {
    priority,
    indexed: sum(({ stored }) => stored),
    rows: sum(({ rows }) => rows),
    givenUp: sum(({ givenUp }) => givenUp),
  };
}

const lostOf = (node: string, lost: Record<Priority, number>): Imbalance[] =>
  PRIORITIES.filter((priority) => lost[priority] > 0).map((priority) => ({
    node,
    what: `${priority}: records without a fate, of a journal that the node has no more`,
    left: lost[priority],
    right: 0,
  }));

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
