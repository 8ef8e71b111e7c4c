import type { JsonValue } from '../../core/filters/filter.ts';
import { countRefused, noSourceCounts, type SourceCounts } from '../../core/ledger.ts';
import type { StreamPlan } from '../../core/node-plan.ts';
import type { QuarantineEntry, SourceBatch } from '../../core/ports.ts';
import { type Priority, priorityOf } from '../../core/priority.ts';
import {
  type BorderClock,
  type ClockState,
  checkReading,
  type RawReading,
  type Reading,
  type ReadingRefusal,
} from '../../core/reading.ts';
import { type JournalLane, LOCAL_LANE } from '../../journal/commit-codec.ts';
import type { Commit } from '../../journal/journal-port.ts';
import { createRecordWriter, type RecordWriter } from '../../journal/record-codec.ts';
import { type CountChanges, type Counts, changesTo, payDebts } from './counts.ts';
import { ENOUGH_NAMINGS, filterEntry, filterKey, type Series, type SeriesTable, seriesKey } from './series.ts';

/** A batch that a source handed over, and whom to tell what became of it. */
export interface Offer {
  source: string;
  canWait: boolean;
  batch: SourceBatch;
  /** Monotonic ms. */
  arrivedAt: number;
  answer: (fate: 'committed' | 'not-now') => void;
  fail: (error: Error) => void;
}

export interface RoundContext {
  series: SeriesTable;
  counts: Counts;
  owed: ReadonlyMap<string, SourceCounts>;
  /** Wall clock minus monotonic clock, now: arrivals are dated by the clock as it is known best. */
  clockOffsetMs: number;
  clock: ClockState;
  /** The journal refused the round: what the border would let in is refused with this reason. @default nothing is */
  turnAway?: TurnAway;
}

export interface TurnAway {
  /**
   * The most important lane of which nothing is committed, nor of those after it: that is counted in the commit of the
   * rest. 0 = nothing at all can be, so the counts are owed.
   */
  from: JournalLane;
  reason: 'journal-full' | 'journal-failed';
  detail: string;
}

/** What one commit will hold, decided but not done: nothing outside changes until it is durable. */
export interface Round {
  lanes: Commit['lanes'];
  changes: CountChanges;
  filterStates: ReadonlyMap<Series, JsonValue>;
  /** Series whose names are in `state`. */
  named: Set<Series>;
  /** Series names and filter states that changed. */
  state: Record<string, JsonValue>;
  quarantine: QuarantineEntry[];
  /** Shortest sync interval of the records in each lane 0..3, ms. */
  maxDelayMs: number[];
  collected: number;
  /** What is owed to the ledger after this round. */
  owed: Map<string, SourceCounts>;
  /** Readings that were turned away, by class. */
  turnedAway: Partial<Record<Priority, number>>;
}

/** Every reading of the offers gets exactly one fate. Pure: the same context and offers give the same round. */
export function decideRound(context: RoundContext, offers: readonly Offer[]): Round {
  const draft = draftRound(context);
  draft.add(offers);
  return draft.finish();
}

/** A round that can still grow: what is added later is decided as if it had come along at once. */
export interface RoundDraft {
  /** If it throws, the draft is of no use any more. */
  add(offers: readonly Offer[]): void;
  /** Readings decided so far, whatever became of them. */
  readonly collected: number;
  /** Whether records are to be written; else the round holds only counts and states. */
  readonly keeps: boolean;
  finish(): Round;
}

export function draftRound(context: RoundContext): RoundDraft {
  const changes = changesTo(context.counts);
  const owed = new Map([...context.owed].map(([name, counts]) => [name, structuredClone(counts)]));
  const { turnAway } = context;
  const inDebt = turnAway?.from === 0;
  if (!inDebt) {
    payDebts(changes, owed);
    owed.clear();
  }
  const filterStates = new Map<Series, JsonValue>();
  const writers = new Map<JournalLane, RecordWriter>();
  const round: Round = {
    lanes: [],
    changes,
    filterStates,
    named: new Set(),
    state: {},
    quarantine: [],
    maxDelayMs: [0, 0, 0, 0].map(() => Number.POSITIVE_INFINITY),
    collected: 0,
    owed,
    turnedAway: {},
  };

  let border = borderAt(context, 0);
  const count = (source: string, reason: ReadingRefusal, priority: Priority | undefined): void => {
    if (inDebt) {
      const debt = owed.get(source) ?? noSourceCounts();
      debt.collected++;
      countRefused(debt, reason, 1, priority);
      owed.set(source, debt);
    } else {
      changes.collected(source, 1);
      changes.refused(source, reason, 1, priority);
    }
  };

  const refuse = (
    source: string,
    { reason, detail }: { reason: ReadingRefusal; detail: string },
    raw: Partial<RawReading>,
    plan?: StreamPlan,
  ): void => {
    count(source, reason, plan && priorityOf(plan.lane));
    round.quarantine.push(entryOf(border, source, reason, detail, raw));
  };

  /** The node's own trouble is in the log and the ledger; the quarantine is for input that needs a look. */
  const turn = (source: string, reason: ReadingRefusal, { lane }: StreamPlan): void => {
    const priority = priorityOf(lane);
    count(source, reason, priority);
    round.turnedAway[priority] = (round.turnedAway[priority] ?? 0) + 1;
  };

  const take = (source: string, one: Series, reading: Reading): void => {
    const step = one.filter.step(filterStates.has(one) ? filterStates.get(one) : one.state, reading);
    if (!filterStates.has(one) || step.state !== filterStates.get(one)) {
      filterStates.set(one, step.state);
      if (step.state !== one.state) {
        round.state[filterKey(one.device, one.plan.name)] = filterEntry(one.plan.filter.type, step.state);
      }
    }
    changes.collected(source, 1);
    const counts = changes.stream(one.plan.name, one.plan.lane);
    counts.filtered += step.filtered;
    counts.absorbed += step.absorbed;
    counts.held += step.held;
    for (const kept of step.kept) keep(one, kept, counts);
  };

  const keep = (one: Series, reading: Reading, counts: { kept: number; local: number }): void => {
    const { lane, syncMs } = one.plan;
    const target = journalLaneOf(one.plan);
    let writer = writers.get(target);
    if (!writer) {
      writer = createRecordWriter();
      writers.set(target, writer);
    }
    const { ts, value, quality, clock } = reading;
    writer.push({ series: one.number, ts, value, quality, clock });
    if (one.namings < ENOUGH_NAMINGS) {
      round.state[seriesKey(one.number)] = [one.device, one.plan.name];
      round.named.add(one);
    }
    if (syncMs === 'on-demand') counts.local++;
    else {
      counts.kept++;
      round.maxDelayMs[lane] = Math.min(round.maxDelayMs[lane]!, syncMs);
    }
  };

  const add = ({ source, batch, arrivedAt }: Offer): void => {
    border = borderAt(context, arrivedAt);
    for (const { reason, detail, origin } of batch.refused ?? [])
      refuse(source, { reason, detail }, origin === undefined ? {} : { origin });
    for (const raw of batch.readings) {
      const one = context.series.find(raw.device, raw.stream);
      const checked = checkReading(raw, one?.plan.kind, border);
      if (!checked.ok) {
        refuse(source, { ...checked, reason: deviceOr(checked.reason, context, raw) }, raw, one?.plan);
      } else if (isTurnedAway(turnAway, one!.plan)) turn(source, turnAway.reason, one!.plan);
      else take(source, one!, checked.reading);
      round.collected++;
    }
    round.collected += batch.refused?.length ?? 0;
  };

  return {
    add: (offers) => offers.forEach(add),
    get collected() {
      return round.collected;
    },
    get keeps() {
      return writers.size > 0;
    },
    finish() {
      round.lanes = [...writers].map(([lane, writer]) => ({ lane, count: writer.count, bytes: writer.bytes() }));
      return round;
    },
  };
}

const isTurnedAway = (turnAway: TurnAway | undefined, plan: StreamPlan): turnAway is TurnAway =>
  turnAway !== undefined && journalLaneOf(plan) >= turnAway.from;

/** What stays local is less important than whatever travels. */
export const journalLaneOf = ({ lane, syncMs }: StreamPlan): JournalLane =>
  syncMs === 'on-demand' ? LOCAL_LANE : lane;

/** The time of an arrival by the wall clock as it stands now: it may have been set since. */
const borderAt = ({ clockOffsetMs, clock }: RoundContext, arrivedAt: number): BorderClock => ({
  nowMs: Math.trunc(clockOffsetMs + arrivedAt),
  clock,
});

function deviceOr(reason: ReadingRefusal, { series }: RoundContext, { device }: RawReading): ReadingRefusal {
  return reason === 'unknown-stream' && !series.knowsDevice(device) ? 'unknown-device' : reason;
}

function entryOf(
  border: BorderClock,
  source: string,
  reason: ReadingRefusal,
  detail: string,
  raw: Partial<RawReading>,
): QuarantineEntry {
  const { device, stream, origin } = raw;
  return {
    at: new Date(border.nowMs).toISOString(),
    source,
    reason,
    detail: short(detail),
    ...(device === undefined ? {} : { device: short(device) }),
    ...(stream === undefined ? {} : { stream: short(stream) }),
    ...(origin === undefined ? {} : { origin: short(origin) }),
  };
}

const MAX_NOTE = 200;
/** What a device sends may be of any length; a note to the operator is not. */
const short = (text: string): string => (text.length > MAX_NOTE ? `${text.slice(0, MAX_NOTE - 1)}…` : text);
