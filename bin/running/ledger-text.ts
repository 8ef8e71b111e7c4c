import { givenUpCount, type Imbalance, type LaneCounts, sumOf } from '../../core/ledger.ts';
import { PRIORITIES } from '../../core/priority.ts';
import type { HubLedger, NodeComparison } from '../../hub/ledger.ts';
import type { RemoteCounts } from '../../hub/remote-counts.ts';
import { colours } from '../colours.ts';
import { textTable } from '../table.ts';

const MAX_NODES_SHOWN = 20;

/** Both sides of the ledger as text: readings by node, records by node and priority, differences. */
export function ledgerText(ledger: HubLedger): string {
  const shown = ledger.nodes.slice(0, MAX_NODES_SHOWN);
  const more = ledger.nodes.length - shown.length;
  return [
    readingsTable(shown),
    textTable(RECORD_HEAD, shown.flatMap(recordRows)),
    shown.map(statedText).join(''),
    shown.flatMap(({ node, side }) => (side?.lanes ?? []).map((lane) => givenUpText(node, lane))).join(''),
    more > 0 ? `… and ${more} more nodes; --json has them all\n` : '',
    verdict(ledger),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const RECORD_HEAD = [
  'node',
  'priority',
  'enqueued',
  'delivered',
  'waiting',
  'in doubt',
  'given up',
  'stored',
  'SQL rows',
];

function readingsTable(nodes: readonly NodeComparison[]): string {
  const rows = nodes.flatMap(({ node, side }) => {
    if (!side) return [];
    const sources = Object.values(side.sources);
    const total = (key: 'filtered' | 'absorbed' | 'held' | 'kept' | 'local'): number =>
      side.streams.reduce((sum, stream) => sum + stream[key], 0);
    const collected = sources.reduce((sum, source) => sum + source.collected, 0);
    const refused = sources.reduce((sum, source) => sum + sumOf(source.refused), 0);
    return [
      [node, collected, refused, total('filtered'), total('absorbed'), total('held'), total('kept'), total('local')],
    ];
  });
  const head = ['node', 'readings collected', 'refused', 'filtered', 'absorbed', 'held', 'kept', 'local'];
  return rows.length > 0 ? textTable(head, rows) : '';
}

function recordRows({ node, side, stated, far }: NodeComparison): unknown[][] {
  return PRIORITIES.flatMap((priority) => {
    const there = far.lanes.find((lane) => lane.priority === priority)!;
    const here = side?.lanes.find((lane) => lane.priority === priority);
    const word = stated.find((lane) => lane.priority === priority);
    if (!here) {
      if (word === undefined && there.indexed === 0) return [];
      return [[node, priority, ...statedCells(word), there.indexed, there.rows]];
    }
    if (here.enqueued === 0 && there.indexed === 0) return [];
    return [
      [
        node,
        priority,
        here.enqueued,
        here.delivered,
        here.waiting,
        here.inDoubt,
        givenUpCount(here),
        there.indexed,
        there.rows,
      ],
    ];
  });
}

/** Enqueued, delivered, waiting, in doubt, given up, as the node stated them; empty where it did not. */
function statedCells(word: RemoteCounts | undefined): unknown[] {
  if (!word) return [null, null, null, null, null];
  const { enqueued, delivered, waiting, inDoubt, open, givenUp } = word;
  // Without the node's whole word the two cannot be told apart.
  return [enqueued, delivered, waiting ?? (open > 0 ? `${open}?` : 0), inDoubt ?? null, sumOf(givenUp)];
}

/** Of which moment the figures of a node elsewhere are, and why it gave records up. */
function statedText({ node, side, stated, statedAtMs, checked }: NodeComparison): string {
  if (side) return '';
  if (statedAtMs === undefined) return `${node}: has not stated anything yet; shown is what the hub stored\n`;
  const at = new Date(statedAtMs).toISOString();
  const unsure = checked === 'no' ? '; "?" = waiting or in doubt, it has not said which' : '';
  const reasons = stated.flatMap(({ priority, givenUp }) => {
    const told = Object.entries(givenUp).map(([reason, count]) => `${count} ${GIVEN_UP[reason as GivenUpReason]}`);
    return told.length > 0 ? [`${node} ${priority}: ${sumOf(givenUp)} given up: ${told.join(', ')}\n`] : [];
  });
  const elsewhere = stated.flatMap(({ priority, elsewhere: count }) =>
    count > 0
      ? [`${node} ${priority}: ${count} delivered to another far side, or to an earlier store of this one: not here\n`]
      : [],
  );
  const lost = stated.flatMap(({ priority, lost: count }) =>
    count > 0 ? [`${node} ${priority}: ${count} without a fate: the node has lost the journal that had them\n`] : [],
  );
  return [`${node}: as it stated at ${at}${unsure}\n`, ...reasons, ...elsewhere, ...lost].join('');
}

type GivenUpReason = keyof RemoteCounts['givenUp'];
const GIVEN_UP: Record<GivenUpReason, string> = {
  expired: 'expired (older than their time to live)',
  evicted: 'evicted (to make room for what matters more)',
  'dead-lettered': 'dead letters',
  damaged: 'damaged on disk',
  earlier: 'for reasons that the hub does not know any more',
};

/** Why records of a lane were given up, in one line; empty if none was. */
function givenUpText(node: string, lane: LaneCounts): string {
  const { priority, expired, evicted, deadLettered, damaged } = lane;
  const reasons: [number, string][] = [
    [expired, GIVEN_UP.expired],
    [evicted, GIVEN_UP.evicted],
    ...Object.entries(deadLettered).map(([reason, count]): [number, string] => [count, `dead letters (${reason})`]),
    [damaged, GIVEN_UP.damaged],
  ];
  const told = reasons.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`);
  return told.length > 0 ? `${node} ${priority}: ${givenUpCount(lane)} given up: ${told.join(', ')}\n` : '';
}

export function verdict({ verdict: found, nodes }: HubLedger): string {
  const elsewhere = nodes.filter(({ side, inFleet }) => inFleet && side === undefined);
  switch (found) {
    case 'balanced':
      return `${colours.green('balanced')}: both sides agree, and every reading has its fate\n`;
    case 'balanced-as-of': {
      const oldest = Math.min(...elsewhere.map(({ statedAtMs }) => statedAtMs ?? 0));
      return `${colours.green('balanced')} as of ${new Date(oldest).toISOString()}: the records of ${nodesText(elsewhere)} by the last statements; their readings are in their own ledgers\n`;
    }
    case 'unknown': {
      const unsure = elsewhere.filter(({ checked }) => checked === 'no');
      return `${colours.yellow('unknown')}: nothing differs, but ${nodesText(unsure)} ${unsure.length === 1 ? 'has' : 'have'} not stated all since the hub's start\n`;
    }
    case 'not-balanced': {
      const differences = nodes.flatMap((node) => node.differences);
      return `${differences.map(differenceText).join('')}${colours.red('NOT BALANCED')}: ${differences.length} differences\n`;
    }
  }
}

const nodesText = (nodes: readonly NodeComparison[]): string =>
  `${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`;

const differenceText = ({ node, what, left, right }: Imbalance): string =>
  `${node}: ${what}: ${left} against ${right}\n`;
