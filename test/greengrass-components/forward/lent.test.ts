import { expect, test } from '@jest/globals';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const MINUTE = 60_000;

test('what the far side refuses is given back at once: it may make way for what matters more', async () => {
  const rig = await createForwardRig();
  await rig.runUntil(1_000);
  rig.setMode({ lane: 2, refusal: 'not-allowed' });
  rig.enqueue(2, 5);
  await rig.runUntil(rig.now() + 10);
  expect(rig.journal.released).toMatchObject([{ lane: 2, from: 0, to: 5 }]);
  await rig.forwarder().stop();
});

test('a link that goes gives back what flew; what was delivered ends by its fate', async () => {
  const rig = await createForwardRig();
  await rig.runUntil(1_000);
  rig.enqueue(2, 5);
  await rig.runUntil(rig.now() + MINUTE);
  expect(rig.journal.released).toEqual([]);
  rig.setMode('silent');
  rig.enqueue(2, 3);
  await rig.runUntil(rig.now() + 10);
  expect(rig.journal.released).toEqual([]);
  await rig.setLink(false);
  await rig.runUntil(rig.now() + 10);
  expect(rig.journal.released).toMatchObject([{ lane: 2, from: 5, to: 8 }]);
  await rig.forwarder().stop();
});

test('records of a series without a name are given up as damaged; their lane goes on', async () => {
  const rig = await createForwardRig({}, (series) =>
    series === 2 ? undefined : { device: 'm-1', stream: 'temperature' },
  );
  await rig.runUntil(1_000);
  rig.enqueue(0, 5);
  await rig.runUntil(rig.now() + MINUTE);
  rig.enqueue(0, 1);
  await rig.runUntil(rig.now() + MINUTE);
  expect(rig.forwarder().status().lanes[0]).toMatchObject({ delivered: 5, damaged: 1, waiting: 0 });
  await rig.forwarder().stop();
});
