import { givenUpCount, type Imbalance, type LaneCounts, sumOf } from '../../core/ledger.ts';
import { PRIORITIES } from '../../core/priority.ts';
import type { HubLedger, NodeComparison } from '../../hub/ledger.ts';
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
    const word = stated.find((lane) => lane.priority === priority)!;
    if (!here) {
      // The node's last count statement, which speaks of its live epochs only.
      if (word.enqueued === 0 && there.indexed === 0) return [];
      return [[node, priority, word.enqueued, word.delivered, null, null, null, there.indexed, there.rows]];
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

/** Why records of a lane were given up, in one line; empty if none was. */
function givenUpText(node: string, lane: LaneCounts): string {
  const { priority, expired, evicted, deadLettered, damaged } = lane;
  const reasons: [number, string][] = [
    [expired, 'expired (older than their time to live)'],
    [evicted, 'evicted (to make room for what matters more)'],
    ...Object.entries(deadLettered).map(([reason, count]): [number, string] => [count, `dead letters (${reason})`]),
    [damaged, 'damaged on disk'],
  ];
  const told = reasons.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`);
  return told.length > 0 ? `${node} ${priority}: ${givenUpCount(lane)} given up: ${told.join(', ')}\n` : '';
}

export function verdict(ledger: HubLedger): string {
  const partly = ledger.nodes.filter(({ side }) => side === undefined).length;
  if (ledger.balanced && partly > 0) {
    return `${colours.green('balanced')} as far as the hub knows: of ${partly} nodes it has their last statement only\n`;
  }
  if (ledger.balanced) return `${colours.green('balanced')}: both sides agree, and every reading has its fate\n`;
  const differences = ledger.nodes.flatMap((node) => node.differences);
  return `${differences.map(differenceText).join('')}${colours.red('NOT BALANCED')}: ${differences.length} differences\n`;
}

const differenceText = ({ node, what, left, right }: Imbalance): string =>
  `${node}: ${what}: ${left} against ${right}\n`;
