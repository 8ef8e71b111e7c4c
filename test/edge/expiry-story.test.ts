import { expect, test } from '@jest/globals';
import { createManualClock } from '../../adapters/memory/clock.ts';
import { createMemoryLogger } from '../../adapters/memory/logger.ts';
import type { Outcome } from '../../core/lane-fates.ts';
import { PRIORITY_CONTRACT } from '../../core/priority.ts';
import { createExpiryStory } from '../../edge/expiry-story.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

const MESSAGE = 'node: records expired before they could be delivered';

test('tells at once, then at most every ten minutes, and at the end what is left; of each record once', () => {
  const clock = createManualClock();
  const logger = createMemoryLogger();
  const story = createExpiryStory(clock, logger, 'n');
  let end = 0;
  const expire = (lane: 1 | 2 | 3, count: number): void => {
    const outcome: Outcome = { epoch: 'e', lane, from: end, to: end + count, fate: 'expired' };
    end += count;
    story.settled([outcome, { ...outcome, fate: 'delivered' }]);
  };
  const told = () => logger.lines.splice(0).map(({ level, fields, message }) => ({ level, ...fields, message }));
  story.settled([{ epoch: 'e', lane: 2, from: 0, to: 9, fate: 'delivered' }]);
  expect(told()).toEqual([]);
  expire(2, 3);
  expect(told()).toEqual([{ level: 'warn', node: 'n', records: { normal: 3 }, message: MESSAGE }]);
  for (let minute = 0; minute < 9; minute++) {
    clock.advance(MINUTE);
    expire(3, 2);
    expire(1, 1);
  }
  expect(told()).toEqual([]);
  clock.advance(MINUTE);
  story.settled([]);
  expect(told()).toMatchObject([{ records: { high: 9, low: 18 } }]);
  expire(2, 1);
  story.end();
  expect(told()).toMatchObject([{ records: { normal: 1 } }]);
  story.end();
  expect(told()).toEqual([]);
});

test('a node without a link warns when its records expire', async () => {
  const priorities = { ...PRIORITY_CONTRACT, normal: { ...PRIORITY_CONTRACT.normal, ttlMs: MINUTE } };
  const bench = await startTestNode(nodePlan([streamPlan('level', { syncMs: 1_000 })], { priorities }));
  await bench.send('level', 1, 2, 3);
  bench.uplink.setLink(false);
  for (let minute = 0; minute < 30; minute++) {
    bench.clock.advance(MINUTE);
    await turns();
  }
  const warned = bench.logger.lines.filter(({ message }) => message === MESSAGE);
  expect(warned).toMatchObject([{ level: 'warn', fields: { node: 'node-1', records: { normal: 3 } } }]);
});
