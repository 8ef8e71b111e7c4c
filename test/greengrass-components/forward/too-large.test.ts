import { expect, test } from '@jest/globals';
import { isEnvelope } from '../../../core/envelope-codec.ts';
import { DEFAULT_LIMITS } from '../../../core/forward/settings.ts';
import type { Lane } from '../../../core/priority.ts';
import type { Value } from '../../../core/value.ts';
import { createRecordWriter } from '../../../journal/record-codec.ts';
import { createForwardRig } from '../../helpers/forward-rig.ts';

const MINUTE = 60_000;
const TOO_LARGE: Value = Array.from({ length: 20_000 }, (_, at) => Math.sin(at * at));

/** A journal that holds a record larger than an envelope at one position: its border let it in, today's does not. */
async function rigWith(position: number) {
  const rig = await createForwardRig();
  const { read } = rig.journal;
  rig.journal.read = async (request) => {
    const found = await read(request);
    const parts = found.parts.map((part) => {
      const writer = createRecordWriter();
      for (let at = part.from; at < part.to; at++) {
        const value = at === position ? TOO_LARGE : at;
        writer.push({ series: at, ts: 1e12 + at, value, quality: 'good', clock: 'synced' });
      }
      return { ...part, bytes: writer.bytes() };
    });
    return { ...found, parts };
  };
  return rig;
}

test.each<[string, Lane]>([
  ['critical', 0],
  ['low', 3],
])(
  'a %s record that no envelope can hold becomes a dead letter; what waits behind it is delivered',
  async (_, lane) => {
    const rig = await rigWith(5);
    rig.enqueue(lane, 12);
    await rig.runUntil(MINUTE);
    rig.enqueue(lane, 3);
    await rig.runUntil(2 * MINUTE);
    expect(rig.forwarder().status().lanes[lane]).toMatchObject({
      enqueued: 15,
      delivered: 14,
      waiting: 0,
      deadLettered: { 'too-large': 1 },
    });
    expect(await rig.journal.deadLetters()).toMatchObject([{ lane, from: 5, to: 6, reason: 'too-large', attempts: 0 }]);
    expect(rig.logger.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    // It is not read again and again either: before it, after it, and what came later.
    expect(rig.sent.filter(({ payload }) => isEnvelope(payload)).length).toBe(3);
    await rig.forwarder().stop();
  },
);

test('a dead letter of that kind that is replayed is one again, and holds nothing up', async () => {
  const rig = await rigWith(0);
  rig.enqueue(2, DEFAULT_LIMITS.maxRecords);
  await rig.runUntil(MINUTE);
  const [letter] = await rig.journal.deadLetters();
  rig.forwarder().disinterred(await rig.journal.exhume([letter!.id]));
  rig.enqueue(2, 3);
  await rig.runUntil(2 * MINUTE);
  expect(rig.forwarder().status().lanes[2]).toMatchObject({
    delivered: DEFAULT_LIMITS.maxRecords + 2,
    waiting: 0,
    deadLettered: { 'too-large': 1 },
  });
  await rig.forwarder().stop();
});
