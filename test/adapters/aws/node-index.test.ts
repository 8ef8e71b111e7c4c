import { expect, test } from '@jest/globals';
import { laneItemKey } from '../../../adapters/aws/index-items.ts';
import { createNodeIndexReader } from '../../../adapters/aws/node-index.ts';
import { createMemoryItemTable } from '../../../adapters/memory/item-table.ts';
import { EPOCH_A } from '../../helpers/envelopes.ts';

const key = { node: 'node-a', producer: 'edge', epoch: EPOCH_A, lane: 3 as const };

test('reads counters and lanes of one node, and nothing else of its partition', async () => {
  const table = createMemoryItemTable('table-1');
  const read = createNodeIndexReader(table);
  expect(await read('node-a')).toBeUndefined();
  await table.write({ key: { pk: 'node-a', sk: 'counts' }, add: { stored_low: 5, stored_critical: 1 } });
  await table.write({
    key: laneItemKey(key),
    set: {
      version: 4,
      stored: '[[0,5],[7,9]]',
      givenUp: '[[5,6]]',
      pending: '[]',
      upTo: 9,
      delivered: 6,
      forgotten: 3,
      statedAt: 77,
    },
  });
  await table.write({ key: laneItemKey({ ...key, lane: 0 }), set: { upTo: 1, delivered: 1 } });
  await table.write({ key: laneItemKey({ ...key, node: 'node-b' }), set: { upTo: 1, delivered: 1 } });
  await table.write({ key: { pk: 'node-a', sk: 'run#edge' }, set: { hashes: '[]' } });
  expect(await read('node-a')).toEqual({
    counts: { critical: 1, high: 0, normal: 0, low: 5 },
    lanes: [
      {
        key: { ...key, lane: 0 },
        version: 0,
        stored: [],
        givenUp: [],
        stated: { upTo: 1, delivered: 1, forgotten: 0, atMs: 0 }, // as an older release left it
      },
      {
        key,
        version: 4,
        stored: [
          { from: 0, to: 5 },
          { from: 7, to: 9 },
        ],
        givenUp: [{ from: 5, to: 6 }],
        stated: { upTo: 9, delivered: 6, forgotten: 3, atMs: 77 },
      },
    ],
  });
});

test('an item that is no lane is an error that names it', async () => {
  const table = createMemoryItemTable('table-1');
  await table.write({
    key: { pk: 'node-a', sk: 'lane#edge#5' },
    set: { version: 1, stored: '[]', givenUp: '[]', pending: '[]' },
  });
  await expect(createNodeIndexReader(table)('node-a')).rejects.toThrow('item lane#edge#5 of node node-a is no lane');
});
