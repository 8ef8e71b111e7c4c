import type { JsonValue } from '../../core/filters/filter.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import type { NodePlan } from '../../core/node-plan.ts';
import type { Clock, Logger, Quarantine, SourceSink, SourceState } from '../../core/ports.ts';
import { isLane, type Lane } from '../../core/priority.ts';
import type { ReadingRefusal } from '../../core/reading.ts';
import { MAX_JSON_BYTES } from '../../core/value.ts';
import type { AppendResult, Journal, JournalOpening } from '../../journal/journal-port.ts';
import { adopt, bookDamaged, countsFrom, ledgerOf, stateOf, withDebts } from './counts.ts';
import { createPull, type Pull, pulledNotesIn } from './pull.ts';
import { decideRound, draftRound, type Offer, type Round, type RoundContext } from './round.ts';
import { createSeriesTable, type SeriesTable } from './series.ts';

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

/** Readings per commit at most, as long as a single offer is not larger. */
const MAX_ROUND = 20_000;
/** … and about so many bytes of large values: a commit is one block. */
const MAX_ROUND_BYTES = 4 * 1024 * 1024;
/** How long a commit with nothing kept waits for others to share its flush with (docs/adr/0002-journal.md). */
export const LINGER_MS = 200;
const positionKey = (source: string): string => `position/${source}`;
const sourceStateKey = (source: string, key: string): string => `source-state/${source}/${key}`;

/**
 * Takes readings from the sources, checks and filters them, and commits records, counters, source positions and
 * filter states together. One commit is in flight at a time and takes along everything that arrived meanwhile: so the
 * state that a filter sees is always the committed one, and batches grow with the load.
 */
export function createSense(ports: SensePorts, plan: NodePlan, opening: JournalOpening): Sense {
  const { journal, clock, quarantine, logger } = ports;
  const state = opening.state;
  const series = createSeriesTable(plan, state);
  const counts = countsFrom(state);
  /** State that the next commit takes along whatever else is in it. */
  let unsaved: Record<string, JsonValue> = {};
  if (opening.damages > 0) {
    const booked = bookDamaged(counts, opening.enqueued);
    unsaved = stateOf(booked.changed);
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
  /** Why the journal refuses, while it does. */
  let trouble: ReadingRefusal | undefined;
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
    const { lanes } = round;
    const result = await journal.append({ lanes, state: stateFor(round, taken), clockOffsetMs: now.clockOffsetMs });
    if (result.ok) adoptRound(round, taken, result);
    else refuseRound(round, taken, result);
    return result.ok;
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
        if (!patient || draft.keeps || draft.collected >= MAX_ROUND) break;
        await newOffers(deadlineMs);
        more = takeRound(offers);
        taken.push(...more);
      } while (more.length > 0 && clock.monotonicMs() < deadlineMs);
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

  const adoptRound = (round: Round, taken: readonly Offer[], result: Extract<AppendResult, { ok: true }>): void => {
    adopt(counts, round.changes);
    for (const [one, next] of round.filterStates) one.state = next;
    for (const one of round.named) one.namings++;
    owed = new Map();
    unsaved = {};
    trouble = undefined;
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
  const refuseRound = (
    round: Round,
    taken: readonly Offer[],
    { reason, detail }: Extract<AppendResult, { ok: false }>,
  ): void => {
    const lost = taken.filter((offer) => !offer.canWait);
    const again = decideRound({ ...context(), refuseAll: { reason, detail } }, lost);
    owed = again.owed;
    for (const entry of again.quarantine) quarantine.put(entry);
    // Once per trouble: a full disk must not be filled further with news of itself.
    if (trouble !== reason) logger.warn({ reason, detail, readings: round.collected }, 'sense: readings refused');
    trouble = reason;
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

function takeRound(offers: Offer[]): Offer[] {
  let size = 0;
  let bytes = 0;
  let count = 0;
  for (const { batch } of offers) {
    size += batch.readings.length + (batch.refused?.length ?? 0);
    bytes += batch.readings.reduce((sum, { value }) => sum + weightOf(value), 0);
    if (count > 0 && (size > MAX_ROUND || bytes > MAX_ROUND_BYTES)) break;
    count++;
  }
  return offers.splice(0, count);
}

/** About what a value takes beyond that of a number; of an object nothing is known before it is checked. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return 8 * value.length;
  return typeof value === 'object' && value !== null ? MAX_JSON_BYTES : 0;
}
