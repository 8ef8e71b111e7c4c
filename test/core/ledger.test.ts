import { expect, test } from '@jest/globals';
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
  streams: [{ stream: 'temperature', priority: 'normal', ...noStreamCounts(), filtered: 60, kept: 27, local: 10 }],
  lanes: PRIORITIES.map((priority) =>
    priority === 'normal'
      ? { priority, enqueued: 27, delivered: 20, deadLettered: { damaged: 1 }, waiting: 6, inDoubt: 4 }
      : { priority, enqueued: 0, delivered: 0, deadLettered: { damaged: 0 }, waiting: 0, inDoubt: 0 },
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
  ['dead-lettered', (broken) => broken.lanes[2]!.deadLettered.damaged++],
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
