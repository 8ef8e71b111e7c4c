import { expect, test } from '@jest/globals';
import { isEnvelope } from '../../../core/envelope-codec.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const SECOND = 1_000;

test('what the journal gives up while it is being read for an envelope is not sent any more', async () => {
  const rig = await createForwardRig();
  await rig.runUntil(SECOND);
  rig.enqueue(2);
  await rig.runUntil(2 * SECOND);
  rig.sent.length = 0;
  const { read } = rig.journal;
  rig.journal.read = async (request) => {
    const found = await read(request);
    const { epoch, lane, from, to } = request;
    rig.forwarder().evicted([{ epoch, lane, from, to, fate: 'evicted' }]);
    return found;
  };
  rig.enqueue(2, 10);
  await rig.runUntil(3 * SECOND);
  expect(rig.sent.filter(({ payload }) => isEnvelope(payload))).toEqual([]);
  expect(rig.forwarder().state.lanes.map(({ flights }) => flights.length)).toEqual([0, 0, 0, 0]);
  await rig.forwarder().stop();
});
