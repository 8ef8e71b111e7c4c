import type { SourceCounts } from '../core/ledger.ts';
import { PRIORITIES, type Priority } from '../core/priority.ts';
import type { ClockState, ReadingRefusal } from '../core/reading.ts';
import { type JournalLane, LOCAL_LANE } from '../journal/commit-codec.ts';
import {
  type Decision,
  emptyState,
  type ModelRecord,
  type ModelState,
  newRecord,
  type TurnedAway,
} from './model-state.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';

/** The clock as it stands at the commit. */
export interface Border {
  /** Wall clock minus monotonic clock. */
  clockOffsetMs: number;
  clock: ClockState;
  /** As it stood a moment ago: a commit that lingers was begun then. */
  clockBefore: ClockState;
}

/**
 * What a commit of these batches must hold: worked out anew from the words of the specification, not with the code
 * under test.
 *
 * @param debts refusals that the disk did not take so far
 * @param turnedAway there is no room for these
 */
export function decide(
  state: ModelState,
  debts: ReadonlyMap<string, SourceCounts>,
  batches: readonly OfferedBatch[],
  border: Border,
  turnedAway?: TurnedAway,
): Decision {
  const changes = emptyState();
  const records: ModelRecord[] = [];
  const sourceOf = (name: string): SourceCounts => {
    const found = changes.sources.get(name) ??
      structuredClone(state.sources.get(name)) ?? { collected: 0, refused: {} };
    changes.sources.set(name, found);
    return found;
  };
  for (const [name, debt] of debts) addCounts(sourceOf(name), debt);
  for (const { source, number, readings, unparsable, arrivedAt } of batches) {
    const counts = sourceOf(source);
    counts.collected += readings.length + unparsable.length;
    for (const { reason } of unparsable) refuse(counts, reason);
    if (number !== undefined) changes.positions.set(source, number);
    for (const reading of readings) {
      const refusal = reading.refusal ?? (isOf(reading, turnedAway) ? turnedAway?.reason : undefined);
      if (refusal !== undefined || !reading.plan) {
        refuse(counts, refusal!, reading.plan && PRIORITIES[reading.plan.lane]);
        continue;
      }
      const { lane, filter, syncMs, name } = reading.plan;
      const streamKey = `${name}/${lane}`;
      const stream = {
        ...(changes.streams.get(streamKey) ?? state.streams.get(streamKey) ?? { filtered: 0, kept: 0, local: 0 }),
      };
      changes.streams.set(streamKey, stream);
      const seriesKey = `${reading.device}/${name}`;
      const last = changes.sent.get(seriesKey) ?? state.sent.get(seriesKey);
      if (filter.type === 'change' && last && !isChange(reading, last, filter.percent, filter.band)) {
        stream.filtered++;
        continue;
      }
      changes.sent.set(seriesKey, reading);
      const onDemand = syncMs === 'on-demand';
      if (onDemand) stream.local++;
      else stream.kept++;
      const { clock, clockBefore } = border;
      const ts = reading.ts ?? Math.trunc(border.clockOffsetMs + arrivedAt);
      records.push(
        newRecord({
          reading,
          ts,
          // A time that came with the reading owes nothing to the node's clock.
          clock: reading.ts === undefined ? clock : 'synced',
          orElse: reading.ts === undefined && clockBefore !== clock ? [{ ts, clock: clockBefore }] : [],
          clockOffsetMs: border.clockOffsetMs,
          lane: onDemand ? LOCAL_LANE : lane,
        }),
      );
    }
  }
  return {
    batches,
    changes,
    records,
    turnedAway,
    pulls: undefined,
    place: undefined,
    damaged: false,
    lost: false,
  };
}

/** Strictly more than so many percent of the last one sent, or than the band; any other quality; any other text. */
function isChange(
  reading: OfferedReading,
  last: OfferedReading,
  percent: number | undefined,
  band: number | undefined,
): boolean {
  if (reading.quality !== last.quality) return true;
  if (typeof reading.value !== 'number' || typeof last.value !== 'number') return reading.value !== last.value;
  if (percent === undefined && band === undefined) return reading.value !== last.value;
  const moved = Math.abs(reading.value - last.value);
  if (percent !== undefined && moved > (percent / 100) * Math.abs(last.value)) return true;
  return band !== undefined && moved > band;
}

const laneOf = ({ lane, syncMs }: NonNullable<OfferedReading['plan']>): JournalLane =>
  syncMs === 'on-demand' ? LOCAL_LANE : lane;
const isOf = ({ plan }: OfferedReading, turnedAway: Pick<TurnedAway, 'from'> | undefined): boolean =>
  plan !== undefined && turnedAway !== undefined && laneOf(plan) >= turnedAway.from;

/** @param priority of the stream, if the stream is declared */
export function refuse(counts: SourceCounts, reason: ReadingRefusal, priority?: Priority): void {
  const more: SourceCounts = { collected: 0, refused: { [reason]: 1 } };
  if (priority) more.refusedByClass = { [priority]: { [reason]: 1 } };
  addCounts(counts, more);
}

export function addCounts(to: SourceCounts, more: SourceCounts): void {
  to.collected += more.collected;
  to.refused = sums(to.refused, more.refused);
  if (!more.refusedByClass) return;
  const byClass = { ...to.refusedByClass };
  for (const name of Object.keys(more.refusedByClass) as Priority[]) {
    byClass[name] = sums(byClass[name] ?? {}, more.refusedByClass[name]!);
  }
  to.refusedByClass = byClass;
}

function sums(left: SourceCounts['refused'], right: SourceCounts['refused']): SourceCounts['refused'] {
  const all = { ...left };
  for (const name of Object.keys(right) as ReadingRefusal[]) all[name] = (all[name] ?? 0) + right[name]!;
  return all;
}

/** What is tried next after a refusal, in this order. */
export interface Attempt {
  batches: readonly OfferedBatch[];
  turnedAway?: TurnedAway | undefined;
}

/**
 * What a node must try after the journal had no room for a commit: the same without its least important records, nor the
 * batches of sources that can wait and would have to be cut; then a commit that is larger than a block in halves.
 */
export function attemptsAfter(
  { batches, records, turnedAway }: Decision,
  reason: ReadingRefusal,
  tooLarge: boolean,
): Attempt[] {
  if (reason !== 'journal-full') return [];
  const least = Math.max(...records.map(({ lane }) => lane)) as JournalLane;
  if (records.some(({ lane }) => lane < least)) {
    const without = { from: least, reason };
    const whole = withoutMixed(batches, without);
    const isLeft = (one: OfferedReading): boolean => one.plan !== undefined && !isOf(one, without);
    if (whole.some(({ readings }) => readings.some(isLeft))) return [{ batches: whole, turnedAway: without }];
  }
  if (!tooLarge || batches.length < 2) return [];
  const half = Math.ceil(batches.length / 2);
  return [batches.slice(0, half), batches.slice(half)].map((part) => ({ batches: part, turnedAway }));
}

/** What would have to be cut comes again as a whole, and so does what must not overtake it. */
function withoutMixed(batches: readonly OfferedBatch[], turnedAway: TurnedAway): OfferedBatch[] {
  const behind = new Set<string>();
  return batches.filter(({ source, number, canWait, readings }) => {
    const series = readings.filter(({ plan }) => plan).map(({ device, stream }) => `${device}/${stream}`);
    const waits =
      readings.some((one) => isOf(one, turnedAway)) ||
      series.some((name) => behind.has(name)) ||
      (number !== undefined && behind.has(source));
    if (!canWait || !waits) return true;
    for (const name of [source, ...series]) behind.add(name);
    return false;
  });
}

/** What is owed after the disk refused these batches: those of live sources are refused, the others come again. */
export function debtsAfter(
  debts: ReadonlyMap<string, SourceCounts>,
  batches: readonly OfferedBatch[],
  reason: ReadingRefusal,
): Map<string, SourceCounts> {
  const after = new Map([...debts].map(([name, counts]) => [name, structuredClone(counts)]));
  for (const { source, canWait, readings, unparsable } of batches) {
    if (canWait || readings.length + unparsable.length === 0) continue;
    const counts = after.get(source) ?? { collected: 0, refused: {} };
    after.set(source, counts);
    counts.collected += readings.length + unparsable.length;
    for (const input of unparsable) refuse(counts, input.reason);
    for (const { refusal, plan } of readings) refuse(counts, refusal ?? reason, plan && PRIORITIES[plan.lane]);
  }
  return after;
}
