import { expect, test } from '@jest/globals';
import { findBlocks } from '../../../journal/block.ts';
import { nodePlan, startTestNode, streamPlan, turns } from '../../helpers/edge-node.ts';

test('a damaged block costs its own records, not the names of those after it', async () => {
  const rig = await startTestNode(nodePlan([streamPlan('raw')]));
  rig.uplink.setLink(false);
  await turns();
  for (const value of [1, 2, 3]) {
    await rig.send('raw', value);
    await turns();
  }
  const names = [...rig.disk.files.keys()].filter((name) => name.startsWith('records-')).sort();
  const newest = names.at(-1)!;
  const bytes = rig.disk.files.get(newest)!;
  const [, first] = findBlocks(bytes, Number(/\d+/.exec(newest)![0]));
  bytes[first!.offset + first!.length - 20]! ^= 1;
  await rig.crash();
  await turns();
  rig.clock.advance(60_000);
  await turns();
  expect(rig.store.rows().map(({ stream, value }) => [stream, value])).toEqual([
    ['raw', 2],
    ['raw', 3],
  ]);
});
