import { expect, test } from '@jest/globals';
import { isEnvelope } from '../../core/envelope-codec.ts';
import { fleetSchema } from '../../core/fleet.ts';
import { planNode } from '../../core/node-plan.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { MINUTE, nodePlan, startTestNode, streamPlan, turns } from '../helpers/edge-node.ts';

test('behind a slow link no envelope takes more than a second of it, whatever it carries', async () => {
  const { link } = planNode(
    fleetSchema.parse({
      version: 1,
      name: 'slow',
      sites: { here: {} },
      streams: { log: { kind: 'text' } },
      deviceGroups: { g: { streams: ['log'], source: { type: 'simulate' } } },
      nodes: [{ name: 'n-1', site: 'here', deviceGroups: ['g'] }],
      link: { bytesPerSecond: '8KiB' },
    }),
    'n-1',
    { demo: false },
  )!;
  const sizes: number[] = [];
  const bench = await startTestNode(nodePlan([streamPlan('log', { kind: 'text' })], { link: link! }), {
    openUplink: () => ({
      async send(_traffic, payload) {
        if (isEnvelope(payload)) sizes.push(payload.length);
        else answer(Buffer.from('{"farSide":"far-1","items":[]}'));
      },
      onAnswer: (listen) => {
        answer = listen;
      },
      onLink: (listen) => listen(true),
      using: () => 'hub',
      wanted: () => undefined,
      close: async () => undefined,
    }),
  });
  const random = createSeededRandom(3n);
  // Hardly to be compressed.
  const line = (): string => Array.from({ length: 40 }, () => random.u64().toString(36)).join('');
  await bench.send('log', ...Array.from({ length: 200 }, line));
  bench.clock.advance(MINUTE);
  for (let second = 0; second < 10; second++) {
    await turns(50);
    bench.clock.advance(1_000);
  }
  expect(sizes.length).toBeGreaterThan(1);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024);
  expect(Math.max(...sizes)).toBeGreaterThan(4 * 1024);
});

let answer: (payload: Uint8Array) => void = () => undefined;
