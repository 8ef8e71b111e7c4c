import { NO_BUDGET } from '../core/budget-schema.ts';
import { applyAnswer } from '../core/forward/answers.ts';
import { linkNeedOf } from '../core/forward/link-need.ts';
import { nextEventAt, planForward } from '../core/forward/plan.ts';
import { DEFAULT_LIMITS, type ForwardSettings } from '../core/forward/settings.ts';
import { type ForwardState, type LaneState, newForwardState, noteSent, recoveredLane } from '../core/forward/state.ts';
import { PRODUCER } from '../core/identity.ts';
import { NO_FATES } from '../core/lane-fates.ts';
import { LANES, PRIORITY_CONTRACT } from '../core/priority.ts';
import { NO_RANGES, type Range } from '../core/ranges.ts';
import { median, quantile, short, spread } from './support/figures.ts';
import type { Claim, Section } from './support/section.ts';

const PIECES = [1, 100, 500];
const ROUNDS = 7;
const CYCLES = 500;
const WARM_UP = 200;
/** The promise is about this many. */
const PROMISED = { pieces: 500, ms: 2 };
const EPOCH = '00000000000000aa';
const SETTINGS: ForwardSettings = { limits: DEFAULT_LIMITS, priorities: PRIORITY_CONTRACT, budget: NO_BUDGET };

export const planner: Claim = { id: 'planner', title: 'The planner, and a queue in pieces', run };

/** A lane of which so many pieces are apart from each other. */
const KINDS: Record<string, (pieces: readonly Range[], gaps: readonly Range[], whole: LaneState) => LaneState> = {
  'delivered and given up in turns': (pieces, gaps, whole) => ({
    ...whole,
    fates: { ...NO_FATES, delivered: pieces, evicted: gaps },
    toSend: [{ from: 0, to: 10 }],
  }),
  'waits, with failures in each piece': (pieces, gaps, whole) => ({
    ...whole,
    fates: { ...NO_FATES, tries: gaps.map((gap) => ({ ...gap, count: 1, reason: 'no-answer' as const })) },
    toSend: pieces.map(({ from, to }) => ({ from: from + 5, to: to + 5 })),
  }),
  'refused by the far side, to be tried later': (pieces, gaps, whole) => ({
    ...whole,
    held: pieces.map((piece) => ({ ...piece, until: 1e12, reason: 'not-allowed' as const })),
    toSend: gaps,
  }),
};

async function run(): Promise<Section> {
  const rows: string[][] = [];
  const promised: number[] = [];
  for (const [name, make] of Object.entries(KINDS)) {
    for (const count of PIECES) {
      const rounds = Array.from({ length: ROUNDS }, () => cyclesOf(stateOf(count, make)));
      const at = (share: number): number[] => rounds.map((times) => quantile(times, share));
      if (count === PROMISED.pieces) promised.push(median(at(0.99)));
      rows.push([name, short(count), spread(at(0.5)), spread(at(0.99))]);
    }
  }
  const worst = Math.max(...promised);
  return {
    says: `With each class in ${PROMISED.pieces} pieces a cycle of the planner takes at most ${short(worst)} ms at the 99th percentile.`,
    method: `four lanes, each in so many pieces; a cycle is what the main thread does for one envelope: plan, whether a link is needed, the next event, and the answer to an envelope; ${CYCLES} cycles of each kind after ${WARM_UP} for the compiler.`,
    noise: `${ROUNDS} rounds; percentiles over the cycles of each, median (smallest–largest) over the rounds.`,
    tables: [{ head: ['the queue', 'pieces a class', 'p50 ms', 'p99 ms'], rows }],
    promises: [
      {
        what: `queue work blocks the main loop, ${PROMISED.pieces} pieces a class, p99`,
        promised: `≤ ${PROMISED.ms} ms`,
        reached: `${short(worst)} ms`,
        kept: worst <= PROMISED.ms ? 'yes' : 'no',
      },
    ],
  };
}

function stateOf(count: number, make: (typeof KINDS)[string]): ForwardState {
  const everyTwenty = (offset: number): Range[] =>
    Array.from({ length: count }, (_, at) => ({ from: at * 20 + offset, to: at * 20 + offset + 8 }));
  const end = count * 20 + 20;
  const lanes = LANES.map((lane) => {
    const whole = recoveredLane(EPOCH, lane, { available: NO_RANGES, end, marks: [], fates: NO_FATES });
    return { ...make(everyTwenty(0), everyTwenty(10), whole), missing: NO_RANGES };
  });
  return Object.assign(newForwardState(lanes), { link: true, far: 'up' });
}

function cyclesOf(state: ForwardState): number[] {
  const times: number[] = [];
  for (let cycle = 0; cycle < WARM_UP + CYCLES; cycle++) {
    const now = cycle * 10;
    const start = performance.now();
    const [send] = planForward(state, now, 0.5, SETTINGS).sends;
    linkNeedOf(state, now, SETTINGS);
    nextEventAt(state);
    if (send) answerTo(state, send, now);
    times.push(performance.now() - start);
  }
  return times.slice(WARM_UP);
}

/** The envelope is sent and stored at once. */
function answerTo(state: ForwardState, { lane, from, to }: Range & { lane: LaneState }, now: number): void {
  noteSent(lane, { from, to, sentAt: now, timeoutAt: Number.POSITIVE_INFINITY, bytes: 100, commits: [] });
  const item = { type: 'stored' as const, producer: PRODUCER, epoch: EPOCH, lane: lane.lane, ranges: [{ from, to }] };
  applyAnswer(state, { farSide: 'far-1', items: [item] }, now, 0.5, SETTINGS);
}
