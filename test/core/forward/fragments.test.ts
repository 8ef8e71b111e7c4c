import { describe, expect, test } from '@jest/globals';
import { condemn, cutAtTries } from '../../../core/forward/retries.ts';
import { emptyLane, type LaneState, recoveredLane } from '../../../core/forward/state.ts';
import { NO_FATES } from '../../../core/lane-fates.ts';
import { PRIORITY_CONTRACT } from '../../../core/priority.ts';
import { NO_RANGES, type Range, type RangeSet } from '../../../core/ranges.ts';
import { EPOCH, plan, upState } from './forward-states.ts';

/** How often anything looked at one of the pieces. */
function createLooks() {
  let looks = 0;
  return {
    count: () => looks,
    /** So many pieces of six positions, every twenty. */
    pieces<T extends object>(count: number, offset: number, rest: T): (Range & T)[] {
      return Array.from({ length: count }, (_, at) => ({
        get from() {
          looks++;
          return at * 20 + offset;
        },
        to: at * 20 + offset + 6,
        ...rest,
      }));
    },
  };
}

/** A lane in so many pieces, in one way or the other. */
const LANES: Record<string, (count: number, pieces: ReturnType<typeof createLooks>['pieces']) => LaneState> = {
  'of which some were tried and all of which wait': (count, pieces) => ({
    ...laneOf(count, NO_FATES),
    fates: { ...NO_FATES, tries: pieces(count, 3, { count: 1, reason: 'no-answer' as const }) },
    toSend: pieces(count, 0, {}),
  }),
  'that are given up or delivered, in turns': (count, pieces) =>
    laneOf(count, { ...NO_FATES, delivered: pieces(count, 0, {}), evicted: pieces(count, 10, {}) }),
  'that the far side has refused': (count, pieces) => ({
    ...laneOf(count, NO_FATES),
    held: pieces(count, 0, { until: 1e12, reason: 'not-allowed' as const }),
    toSend: NO_RANGES,
  }),
};
const laneOf = (count: number, fates: LaneState['fates']): LaneState =>
  recoveredLane(EPOCH, 2, { available: [{ from: 0, to: count * 20 }], end: count * 20, marks: [], fates });

/** Looks at the pieces in one cycle of the planner, after the first. */
function looksPerCycle(kind: string, count: number): number {
  const { count: looks, pieces } = createLooks();
  const state = upState(LANES[kind]!(count, pieces));
  plan(state, 1_000);
  const before = looks();
  plan(state, 2_000);
  return looks() - before;
}

describe('a lane in hundreds of pieces', () => {
  test.each(Object.keys(LANES))('%s: a cycle of the planner takes as many steps as there are pieces', (kind) => {
    const few = looksPerCycle(kind, 250);
    const many = looksPerCycle(kind, 2_000);
    // Eight times the pieces, each looked up by bisection; each with each would be 64 times.
    expect(many).toBeLessThan(8 * 2 * Math.max(few, 250));
    expect(many).toBeLessThan(2_000 * 60);
  });

  test('what was given up is not summed up again in each cycle', () => {
    expect(looksPerCycle('that are given up or delivered, in turns', 500)).toBeLessThan(500 * 2);
  });

  test('what waits is cut where it was tried, as it would be piece by piece', () => {
    const { pieces } = createLooks();
    const toSend: RangeSet = pieces(30, 0, {});
    const tries = pieces(30, 3, { count: 2, reason: 'too-large' as const });
    const lane = { ...emptyLane(EPOCH, 2), toSend, fates: { ...NO_FATES, tries: tries.toReversed() } };
    expect(cutAtTries(lane, toSend)).toEqual(
      toSend.flatMap(({ from, to }) => [
        { from, to: from + 3 },
        { from: from + 3, to },
      ]),
    );
    condemn(lane, { ...PRIORITY_CONTRACT.normal, retries: 1 });
    expect(lane.toSend).toEqual(toSend.map(({ from }) => ({ from, to: from + 3 })));
    expect(lane.dying.map(({ from, to }) => ({ from, to })).sort((a, b) => a.from - b.from)).toEqual(
      toSend.map(({ from, to }) => ({ from: from + 3, to })),
    );
    expect(lane.dying[0]).toMatchObject({ reason: 'too-large', attempts: 2 });
  });
});
