import type { SourceCounts } from '../core/ledger.ts';
import type { ClockState, ReadingRefusal } from '../core/reading.ts';
import { LOCAL_LANE } from '../journal/commit-codec.ts';
import { type Decision, emptyState, type ModelRecord, type ModelState } from './model-state.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';

/** The clock as it stands at the commit. */
export interface Border {
  /** Wall clock minus monotonic clock. */
  clockOffsetMs: number;
  clock: ClockState;
}

/**
 * What a commit of these batches must hold: worked out anew from the words of the specification, not with the code
 * under test.
 *
 * @param debts refusals that the disk did not take so far
 */
export function decide(
  state: ModelState,
  debts: ReadonlyMap<string, SourceCounts>,
  batches: readonly OfferedBatch[],
  border: Border,
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
    changes.positions.set(source, number);
    for (const reading of readings) {
      if (reading.refusal !== undefined || !reading.plan) {
        refuse(counts, reading.refusal!);
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
      records.push({
        reading,
        ts: reading.ts ?? Math.trunc(border.clockOffsetMs + arrivedAt),
        // A time that came with the reading owes nothing to the node's clock.
        clock: reading.ts === undefined ? border.clock : 'synced',
        orElse: [],
        lane: onDemand ? LOCAL_LANE : lane,
        epoch: '',
        position: -1,
        stored: false,
        takenMs: 0,
        sends: 0,
        givenUp: false,
        wasGivenUp: false,
        damaged: false,
      });
    }
  }
  return { batches, changes, records, place: undefined, damaged: false, lost: false };
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

export function refuse(counts: SourceCounts, reason: ReadingRefusal): void {
  counts.refused[reason] = (counts.refused[reason] ?? 0) + 1;
}

export function addCounts(to: SourceCounts, more: SourceCounts): void {
  to.collected += more.collected;
  for (const [reason, count] of Object.entries(more.refused)) {
    const name = reason as ReadingRefusal;
    to.refused[name] = (to.refused[name] ?? 0) + count;
  }
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
    for (const reading of readings) refuse(counts, reading.refusal ?? reason);
  }
  return after;
}
