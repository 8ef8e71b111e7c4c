import { expect, test } from '@jest/globals';
import { noTotals } from '../../core/lane-fates.ts';
import {
  checkNodeLedger,
  compareSides,
  type FarSideLedger,
  type NodeLedger,
  noStreamCounts,
} from '../../core/ledger.ts';
import { PRIORITIES } from '../../core/priority.ts';

const ledger = (): NodeLedger => ({
  node: 'n',
  sources: { bench: { collected: 100, refused: { 'not-a-number': 3 } } },
  streams: [{ stream: 'temperature', priority: 'normal', ...noStreamCounts(), filtered: 50, kept: 37, local: 10 }],
  lanes: PRIORITIES.map((priority) =>
    priority === 'normal'
      ? {
          priority,
          enqueued: 37,
          delivered: 20,
          expired: 2,
          evicted: 3,
          deadLettered: { 'no-answer': 1, 'not-allowed': 4 },
          damaged: 1,
          discarded: 0,
          elsewhere: 0,
          waiting: 6,
          inDoubt: 4,
        }
      : { priority, enqueued: 0, ...noTotals(), elsewhere: 0, waiting: 0, inDoubt: 0 },
  ),
  localHeld: 10,
});
const far = (indexed: number, rows = indexed): FarSideLedger => ({
  node: 'n',
  lanes: [{ priority: 'normal', indexed, rows, givenUp: 0 }],
});

test('a ledger that adds up has no imbalance', () => expect(checkNodeLedger(ledger())).toEqual([]));

test.each<[string, (broken: NodeLedger) => void]>([
  ['collected', (broken) => broken.sources.bench!.collected++],
  ['refused', (broken) => Object.assign(broken.sources.bench!.refused, { 'not-a-number': 4 })],
  ['filtered', (broken) => broken.streams[0]!.filtered--],
  ['kept', (broken) => broken.streams[0]!.kept++],
  ['local', (broken) => broken.streams[0]!.local--],
  ['enqueued', (broken) => broken.lanes[2]!.enqueued++],
  ['delivered', (broken) => broken.lanes[2]!.delivered--],
  ['expired', (broken) => broken.lanes[2]!.expired++],
  ['evicted', (broken) => broken.lanes[2]!.evicted++],
  ['dead-lettered', (broken) => broken.lanes[2]!.deadLettered['not-allowed']!++],
  ['dead-lettered for another reason', (broken) => Object.assign(broken.lanes[2]!.deadLettered, { 'too-large': 1 })],
  ['damaged', (broken) => broken.lanes[2]!.damaged++],
  ['waiting', (broken) => broken.lanes[2]!.waiting--],
])('off by one in %s is seen', (_what, spoil) => {
  const broken = ledger();
  spoil(broken);
  expect(checkNodeLedger(broken)).not.toEqual([]);
});

test.each([
  [20, []],
  [24, []],
  [19, ['normal: stored ≥ delivered']],
  [25, ['normal: stored ≤ delivered + in doubt']],
])('delivered 20, in doubt 4, stored %d', (indexed, problems) => {
  expect(compareSides(ledger(), far(indexed)).map(({ what }) => what)).toEqual(problems);
});

test('rows that differ from the index are seen, both ways', () => {
  expect(compareSides(ledger(), far(20, 21))).toHaveLength(1);
  expect(compareSides(ledger(), far(20, 19))).toHaveLength(1);
});
