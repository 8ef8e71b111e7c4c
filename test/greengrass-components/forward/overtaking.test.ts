import { expect, test } from '@jest/globals';
import { isEnvelope } from '../../../core/envelope-codec.ts';
import { DEFAULT_LIMITS } from '../../../core/forward/settings.ts';
import type { Lane } from '../../../core/priority.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** `critical` or `bulk`, of each envelope that has left. */
const envelopesOf = ({ sent }: { sent: readonly { traffic: string; payload: Uint8Array }[] }): string[] =>
  sent.filter(({ payload }) => isEnvelope(payload)).map(({ traffic }) => traffic);

test('what is critical and comes while a backlog is being sent leaves next, not after the rest of the plan', async () => {
  const rig = await createForwardRig();
  rig.enqueue(3);
  await rig.runUntil(SECOND);
  expect(rig.forwarder().status().far).toBe('up');
  rig.setMode('silent');
  rig.sent.length = 0;
  const { read } = rig.journal;
  let reads = 0;
  rig.journal.read = (request) => {
    if (++reads === 3) rig.enqueue(0);
    return read(request);
  };
  rig.enqueue(3, DEFAULT_LIMITS.maxFlights * DEFAULT_LIMITS.maxRecords);
  await rig.runUntil(2 * SECOND);
  const left = envelopesOf(rig);
  expect(left.slice(0, 4)).toEqual(['bulk', 'bulk', 'bulk', 'critical']);
  expect(left).toHaveLength(DEFAULT_LIMITS.maxFlights);
  await rig.forwarder().stop();
});

test('critical and real time: it does not wait for company; everything else does', async () => {
  const rig = await createForwardRig();
  await rig.runUntil(SECOND);
  const enqueue = (lane: Lane, maxDelayMs: number): void =>
    rig.forwarder().enqueued(lane, rig.journal.enqueue(lane, 1), maxDelayMs);
  const leftWithin = async (ms: number): Promise<string[]> => {
    const before = envelopesOf(rig).length;
    await rig.runUntil(rig.now() + ms);
    return envelopesOf(rig).slice(before);
  };
  enqueue(2, SECOND);
  enqueue(0, SECOND);
  expect(await leftWithin(1)).toEqual(['critical']);
  expect(await leftWithin(SECOND)).toEqual(['bulk']);
  // Whoever gives a critical stream an interval means it.
  enqueue(0, MINUTE);
  expect(await leftWithin(MINUTE - SECOND)).toEqual([]);
  expect(await leftWithin(SECOND)).toEqual(['critical']);
  await rig.forwarder().stop();
});
