import type { JsonValue } from '../../core/filters/filter.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import type { NodePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, Quarantine, SourceSink, SourceState } from '../../core/ports.ts';
import { isLane, type Lane } from '../../core/priority.ts';
import type { AppendResult, Journal, JournalOpening } from '../../journal/journal-port.ts';
import { adopt, bookDamaged, countsFrom, ledgerOf, stateOf, withDebts } from './counts.ts';
import { type Attempt, lessThan, type Refusal } from './less.ts';
import { createPull, type Pull, pulledNotesIn } from './pull.ts';
import { createRefusalStory } from './refusal-story.ts';
import { decideRound, draftRound, type Offer, type Round, type RoundContext } from './round.ts';
import { createSeriesTable, type SeriesTable, seriesGiven } from './series.ts';
import { sourceStateKey, staleState } from './stale-state.ts';
import { MAX_ROUND, takeRound } from './take-round.ts';

export interface SensePorts {
  journal: Journal;
  clock: Clock;
  quarantine: Quarantine;
  logger: Logger;
  /** Records of a lane are durable up to `end`; the soonest of them must leave within `maxDelayMs`. */
  enqueued: (lane: Lane, end: number, maxDelayMs: number) => void;
}

export interface Sense {
  /** Where one source of the plan hands over its readings. */
  sinkOf(source: string, canWait: boolean): SourceSink;
  /** Where the source stood at its last commit. */
  positionOf(source: string): JsonValue | undefined;
  /** What the source had committed under its own keys before this start. */
  stateOf(source: string): SourceState;
  ledger(): Pick<NodeLedger, 'sources' | 'streams'>;
  /** Readings of live sources that the disk refused and whose count is not durable yet. */
  uncommitted(): number;
  /** Resolves when everything offered so far has its fate, and the refused ones are counted durably if possible. */
  settle(): Promise<void>;
  readonly series: SeriesTable;
  /** Lets records travel that had stayed local. */
  readonly pull: Pull;
}

/** A round that finds no room is halved as long as it is larger than this share of the journal. */
const BLOCK_SHARE = 1 / 16;
/** How long a commit with nothing kept waits for others to share its flush with (docs/adr/0002-journal.md). */
export const LINGER_MS = 200;
const positionKey = (source: string): string => `position/${source}`;

/**
 * Takes readings from the sources, checks and filters them, and commits records, counters, source positions and
 * filter states together. One commit is in flight at a time and takes along everything that arrived meanwhile: so the
 * state that a filter sees is always the committed one, and batches grow with the load.
 */
export function createSense(ports: SensePorts, plan: NodePlan, opening: JournalOpening): Sense {
  const { journal, clock, quarantine, logger } = ports;
  const state = opening.state;
  const series = createSeriesTable(plan, opening);
  const counts = countsFrom(state);
  /** State that the next commit takes along whatever else is in it. */
  let unsaved: Record<string, JsonValue> = staleState(plan, state);
  if (opening.damages > 0) {
    const booked = bookDamaged(counts, opening.enqueued);
    unsaved = { ...unsaved, ...stateOf(booked.changed) };
    adopt(counts, booked);
  }
  const positions = new Map<string, JsonValue>();
  for (const source of plan.sources) {
    const position = state[positionKey(source.name)];
    if (position !== undefined) positions.set(source.name, position);
  }
  const sourceStates = Object.entries(state).filter(([key]) => key.startsWith('source-state/'));
  const offers: Offer[] = [];
  /** What needs a commit of its own, between the rounds. */
  const errands: (() => Promise<void>)[] = [];
  /** Fates of readings that the disk refused: they go first into the next commit. */
  let owed: Round['owed'] = new Map();
  const story = createRefusalStory(clock, logger, plan.node);
  let working = false;
  let current: Promise<void> = Promise.resolve();
  /** Ends the wait of a commit that lingers. */
  let wake: () => void = () => undefined;

  const context = (): RoundContext => ({
    series,
    counts,
    owed,
    clockOffsetMs: clock.wallMs() - clock.monotonicMs(),
    clock: clock.state(),
  });

  /** @param taken grows by what comes along if the commit lingers */
  const commitRound = async (taken: Offer[], mayLinger = true): Promise<boolean> => {
    const now = context();
    const round = await gather(now, taken, mayLinger);
    if (!round) return commitApart(taken);
    return write({ offers: taken }, round, now);
  };

  /** Commits the attempt, or what of it finds room; what does not is refused. Whether anything was committed. */
  const write = async (whole: Attempt, wholeRound: Round, { clockOffsetMs }: RoundContext): Promise<boolean> => {
    let committed = false;
    const agenda = [whole];
    for (let attempt = agenda.shift(); attempt; attempt = agenda.shift()) {
      const now = context();
      const round = attempt === whole ? wholeRound : decideRound({ ...now, ...attempt }, attempt.offers);
      const dated = attempt === whole ? clockOffsetMs : now.clockOffsetMs;
      const state = stateFor(round, attempt.offers);
      const result = await journal.append({
        lanes: round.lanes,
        state,
        series: seriesGiven(round.named),
        clockOffsetMs: dated,
      });
      if (result.ok) {
        committed = true;
        adoptRound(attempt, round, result);
        continue;
      }
      const less = lessThan({ attempt, round, refusal: result }, series, plan.journal.maxBytes * BLOCK_SHARE);
      if (less) {
        for (const { answer } of less.later) answer('not-now');
        agenda.unshift(...less.attempts);
      } else {
        // What follows is not tried: there is no room for it either.
        for (const { offers: taken } of [attempt, ...agenda.splice(0)]) refuseRound(taken, result);
      }
    }
    return committed;
  };

  /** Undefined if a filter threw, which is a bug: it must cost the source that met it, and no other. */
  const gather = async (now: RoundContext, taken: Offer[], mayLinger: boolean): Promise<Round | undefined> => {
    const draft = draftRound(now);
    const deadlineMs = clock.monotonicMs() + LINGER_MS;
    try {
      let more: readonly Offer[] = taken;
      let patient = mayLinger && owed.size === 0;
      do {
        draft.add(more);
        patient &&= more.length > 0 && more.every(({ batch }) => batch.mayLinger === true);
        patient &&= clock.monotonicMs() < deadlineMs;
        if (!patient || draft.keeps || draft.collected >= MAX_ROUND) break;
        await newOffers(deadlineMs);
        more = takeRound(offers);
        taken.push(...more);
        // What was taken is decided, however late it came: it will be answered with the round.
      } while (more.length > 0);
      return draft.finish();
    } catch (error) {
      if (taken.length === 1) {
        logger.error(
          { source: taken[0]!.source, error: (error as Error).message },
          'sense: a filter failed; this is a bug',
        );
        taken[0]!.fail(error as Error);
      }
      return undefined;
    }
  };

  /** Resolves with the next offer, or once the time is up. */
  const newOffers = (deadlineMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });

  const commitApart = async (taken: readonly Offer[]): Promise<boolean> => {
    if (taken.length < 2) return true;
    for (const offer of taken) await commitRound([offer], false);
    return true;
  };

  const stateFor = (round: Round, taken: readonly Offer[]): Record<string, JsonValue> => {
    const changes = { ...unsaved, ...round.state, ...stateOf(round.changes.changed) };
    for (const { source, batch } of taken) {
      if (batch.position !== undefined) changes[positionKey(source)] = batch.position;
      for (const [key, value] of Object.entries(batch.state ?? {})) changes[sourceStateKey(source, key)] = value;
    }
    return changes;
  };

  const adoptRound = (
    { offers: taken, turnAway }: Attempt,
    round: Round,
    result: Extract<AppendResult, { ok: true }>,
  ): void => {
    adopt(counts, round.changes);
    for (const [one, next] of round.filterStates) one.state = next;
    for (const one of round.named) one.namings++;
    owed = new Map();
    unsaved = {};
    if (turnAway) story.turnedAway(turnAway, round.turnedAway);
    else story.allTaken();
    for (const { source, batch, answer } of taken) {
      if (batch.position !== undefined) positions.set(source, batch.position);
      answer('committed');
    }
    for (const entry of round.quarantine) quarantine.put(entry);
    for (const { lane, first, count } of result.lanes) {
      if (isLane(lane)) ports.enqueued(lane, first + count, round.maxDelayMs[lane]!);
    }
  };

  /** Nothing of the round happened. Who can wait is told to; what cannot is refused, counted, and kept in mind. */
  const refuseRound = (taken: readonly Offer[], { reason, detail }: Refusal): void => {
    const lost = taken.filter((offer) => !offer.canWait);
    const again = decideRound({ ...context(), turnAway: { from: 0, reason, detail } }, lost);
    owed = again.owed;
    for (const entry of again.quarantine) quarantine.put(entry);
    story.turnedAway({ reason, detail }, again.turnedAway);
    for (const { canWait, answer } of taken) answer(canWait ? 'not-now' : 'committed');
  };

  /** Ends when there is nothing left to do. If the journal itself is gone, everyone who waits is told. */
  const work = async (): Promise<void> => {
    let taken: Offer[] = [];
    try {
      const mustCommit = (): boolean => offers.length > 0 || owed.size > 0 || Object.keys(unsaved).length > 0;
      while (errands.length > 0 || mustCommit()) {
        if (mustCommit()) {
          taken = takeRound(offers);
          const committed = await commitRound(taken);
          if (!committed && errands.length === 0 && offers.length === 0) return; // what is owed waits for the next commit
        }
        await errands.shift()?.();
      }
    } catch (error) {
      for (const offer of [...taken, ...offers.splice(0)]) offer.fail(error as Error);
      for (const errand of errands.splice(0)) await errand(); // they hear it from the journal
      throw error;
    } finally {
      // Here, not in a later turn: an offer made in between would wait for a loop that has ended.
      working = false;
    }
  };

  const start = (): Promise<void> => {
    if (working) return current;
    working = true;
    current = work();
    current.catch(() => undefined); // the offers carry the error
    return current;
  };

  /** Runs it alone: no commit is under way, and the counts are the committed ones. */
  const between = <T>(errand: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      errands.push(() => errand().then(resolve, reject));
      wake();
      void start();
    });
  const pull = createPull(
    { journal, clock, between, enqueued: ports.enqueued },
    { plan, epoch: opening.epoch, series, counts, notes: pulledNotesIn(state) },
  );

  return {
    series,
    pull,
    positionOf: (source) => positions.get(source),
    stateOf: (source) => {
      const prefix = sourceStateKey(source, '');
      const own = sourceStates.filter(([key]) => key.startsWith(prefix));
      return Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
    },
    sinkOf: (source, canWait) => ({
      offer: (batch) =>
        new Promise((resolve, reject) => {
          offers.push({ source, canWait, batch, arrivedAt: clock.monotonicMs(), answer: resolve, fail: reject });
          wake();
          void start();
        }),
    }),
    ledger: () => ledgerOf(withDebts(counts, owed)),
    uncommitted: () => [...owed.values()].reduce((sum, { collected }) => sum + collected, 0),
    settle: () => start(),
  };
}
