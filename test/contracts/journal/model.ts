import { expect } from '@jest/globals';
import fc from 'fast-check';
import { LANES, type Lane } from '../../../core/priority.ts';
import { readRecords } from '../../../journal/record-codec.ts';
import { commitOf, type JournalHarness, waitingOf } from './harness.ts';

export type Step =
  | { do: 'append'; lane: Lane; count: number }
  | { do: 'settle'; lane: Lane; upTo: number }
  | { do: 'restart' };
const lane = fc.constantFrom<Lane>(...LANES);
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), lane, count: fc.integer({ min: 1, max: 3_000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('settle' as const), lane, upTo: fc.integer({ min: 1, max: 5_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

/** The journal says what a list in memory says. */
export async function agreesWithModel(harness: JournalHarness, steps: readonly Step[]): Promise<void> {
  const config = { maxBytes: 8 * 1024 ** 2 };
  let journal = harness.start(config);
  let { epoch } = await journal.open();
  let values: number[][] = LANES.map(() => []);
  let settled = LANES.map(() => 0);
  const enqueued = LANES.map(() => 0);
  let waiting = 0;
  let next = 0;
  for (const action of steps) {
    if (action.do === 'append') {
      const fresh = Array.from({ length: action.count }, () => next++);
      expect(await journal.append(commitOf(action.lane, fresh, { next }))).toMatchObject({ ok: true });
      values[action.lane]!.push(...fresh);
      enqueued[action.lane]! += action.count;
      waiting += action.count;
    } else if (action.do === 'settle') {
      const to = Math.min(action.upTo, values[action.lane]!.length);
      const from = settled[action.lane]!;
      if (to <= from) continue;
      await journal.settle([{ epoch, lane: action.lane, from, to, fate: 'delivered' }]);
      settled[action.lane] = to;
      waiting -= to - from;
    } else {
      await journal.close();
      journal = harness.start(config);
      const opening = await journal.open();
      expect(opening.enqueued).toEqual(enqueued);
      expect(opening.state.next ?? 0).toBe(next);
      expect(LANES.reduce<number>((sum, of) => sum + waitingOf(opening, of), 0)).toBe(waiting);
      epoch = opening.epoch;
      values = LANES.map(() => []);
      settled = LANES.map(() => 0);
    }
  }
  for (const of of LANES) {
    const all = values[of]!;
    const from = settled[of]!;
    if (from === all.length) continue;
    const result = await journal.read({ epoch, lane: of, from, to: all.length, maxRecords: 1e9, maxBytes: 1e9 });
    const found = result.parts.flatMap((part) => readRecords(part.bytes).map(({ record: { value } }) => value));
    expect(found).toEqual(all.slice(from));
    expect(result.missing).toEqual([]);
  }
  await journal.close();
}
