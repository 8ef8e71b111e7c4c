import { elsewhereIn, forgetLane, retiredElsewhere } from '../../core/far-sides.ts';
import { inDoubtIn } from '../../core/forward/doubt.ts';
import { type ForwardState, type LaneState, recoveredLane, waitingIn } from '../../core/forward/state.ts';
import {
  addToTotals,
  epochsIn,
  type FateTotals,
  fatesOf,
  finished,
  isClosed,
  laneName,
  sumOfTotals,
} from '../../core/lane-fates.ts';
import type { LaneCounts } from '../../core/ledger.ts';
import type { Logger } from '../../core/ports.ts';
import { LANES, type Lane, priorityOf } from '../../core/priority.ts';
import { countOf } from '../../core/ranges.ts';
import type { JournalOpening } from '../../journal/journal-port.ts';

/** The lanes of earlier openings, as the journal found them; oldest first. */
export function lanesAtOpening({ epochs, fates }: JournalOpening): LaneState[] {
  // Of some the records are gone, and there is still something to ask, to state or to replay.
  const gone = epochsIn(fates).filter((epoch) => !epochs.some((one) => one.epoch === epoch));
  return [
    ...gone.flatMap((epoch) =>
      LANES.map((lane) => {
        const own = fatesOf(fates, epoch, lane);
        return recoveredLane(epoch, lane, { available: [], end: finished(own).at(-1)?.to ?? 0, marks: [], fates: own });
      }),
    ),
    ...epochs.flatMap(({ epoch, lanes }) =>
      LANES.map((lane) => recoveredLane(epoch, lane, { ...lanes[lane]!, fates: fatesOf(fates, epoch, lane) })),
    ),
  ];
}

/** Counts of records by fate, over the lanes that the forwarder still looks after and those that it has forgotten. */
export interface LaneAccount {
  /** Forgets lanes that will never have anything to do again; their totals stay. */
  retireFinished(): void;
  countsOf(lane: Lane): LaneCounts;
  /** Delivered records of the forgotten lanes, by priority. */
  retiredDelivered(): number[];
}

export function createLaneAccount(state: ForwardState, opening: JournalOpening, logger: Logger): LaneAccount {
  const retired: FateTotals[] = structuredClone(opening.fates.retired);
  for (const lane of LANES) reconcile(lane);
  noteForgotten();

  /** If a damaged forward log lost fates of records that are long recycled, they were delivered: only then they go. */
  function reconcile(lane: Lane): void {
    const totals = retired[lane]!;
    const ends = state.lanes.reduce((sum, one) => sum + (one.lane === lane ? one.end : 0), 0);
    const lost = opening.enqueued[lane]! - ends - sumOfTotals(totals);
    if (lost <= 0 || opening.damages === 0) return;
    logger.warn(
      { lane: priorityOf(lane), records: lost },
      'forward: fates lost with a damaged block, taken as delivered',
    );
    totals.delivered += lost;
  }

  function noteForgotten(): void {
    state.forgotten = retired.reduce((sum, totals) => sum + sumOfTotals(totals), 0);
  }

  const isFinished = (lane: LaneState): boolean =>
    lane.epoch !== opening.epoch && waitingIn(lane) <= 0 && isClosed(lane.fates);

  return {
    retiredDelivered: () => retired.map(({ delivered }) => delivered),
    retireFinished() {
      const done = state.lanes.filter(isFinished);
      if (done.length === 0) return;
      state.lanes = state.lanes.filter((lane) => !done.includes(lane));
      for (const lane of done) {
        addToTotals(retired[lane.lane]!, lane.fates);
        state.elsewhere = forgetLane(state.elsewhere, laneName(lane.epoch, lane.lane), lane.lane);
      }
      noteForgotten();
    },
    countsOf(lane) {
      const own = state.lanes.filter((candidate) => candidate.lane === lane);
      const sum = (count: (one: LaneState) => number): number => own.reduce((total, one) => total + count(one), 0);
      const totals = structuredClone(retired[lane]!);
      for (const { fates } of own) addToTotals(totals, fates);
      return {
        priority: priorityOf(lane),
        enqueued: opening.enqueued[lane]! + sum(({ recovered, end }) => (recovered ? 0 : end)),
        ...totals,
        elsewhere:
          retiredElsewhere(state.elsewhere, lane) +
          sum((one) => countOf(elsewhereIn(state.elsewhere, laneName(one.epoch, lane)))),
        waiting: sum(waitingIn),
        inDoubt: sum(inDoubtIn),
      };
    },
  };
}
