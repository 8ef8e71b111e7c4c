import type { JsonValue } from '../../core/filters/filter.ts';
import {
  addSourceCounts,
  countRefused,
  type NodeLedger,
  noSourceCounts,
  noStreamCounts,
  type SourceCounts,
  type StreamCounts,
  sumOf,
} from '../../core/ledger.ts';
import { isLane, type Lane, type Priority, priorityOf } from '../../core/priority.ts';
import type { ReadingRefusal } from '../../core/reading.ts';

/**
 * The reading half of the ledger. Entries are never changed in place: a commit carries new ones, which are adopted
 * when it is durable.
 */
export interface Counts {
  sources: Map<string, SourceCounts>;
  /** Under `stream/priority`. */
  streams: Map<string, StreamCounts>;
}

/** What readings of lost blocks are booked under: their own counters were in the block. */
export const DAMAGED = '(damaged)';

export const emptyCounts = (): Counts => ({ sources: new Map(), streams: new Map() });

/** The committed counts, from the journal's state. */
export function countsFrom(state: Readonly<Record<string, JsonValue>>): Counts {
  const counts = emptyCounts();
  for (const [key, value] of Object.entries(state)) {
    if (key.startsWith('source/')) counts.sources.set(key.slice(7), value as unknown as SourceCounts);
    if (key.startsWith('stream/')) counts.streams.set(key.slice(7), value as unknown as StreamCounts);
  }
  return counts;
}

/** The same as entries of the journal's state. */
export function stateOf(counts: Counts): Record<string, JsonValue> {
  const state: Record<string, JsonValue> = {};
  for (const [name, value] of counts.sources) state[`source/${name}`] = value as unknown as JsonValue;
  for (const [name, value] of counts.streams) state[`stream/${name}`] = value as unknown as JsonValue;
  return state;
}

/** Changes to be: reads through to `base`, keeps what it changes to itself. */
export interface CountChanges {
  readonly changed: Counts;
  collected(source: string, count: number): void;
  /** @param priority undefined = nobody knows their class */
  refused(source: string, reason: ReadingRefusal, count: number, priority: Priority | undefined): void;
  add(source: string, counts: SourceCounts): void;
  stream(stream: string, lane: Lane): StreamCounts;
}

export function changesTo(base: Counts): CountChanges {
  const changed = emptyCounts();
  const sourceOf = (name: string): SourceCounts => {
    let entry = changed.sources.get(name);
    if (!entry) {
      entry = structuredClone(base.sources.get(name) ?? noSourceCounts());
      changed.sources.set(name, entry);
    }
    return entry;
  };
  return {
    changed,
    collected(source, count) {
      sourceOf(source).collected += count;
    },
    refused: (source, reason, count, priority) => countRefused(sourceOf(source), reason, count, priority),
    add: (source, counts) => addSourceCounts(sourceOf(source), counts),
    stream(stream, lane) {
      const name = `${stream}/${priorityOf(lane)}`;
      let entry = changed.streams.get(name);
      if (!entry) {
        entry = { ...(base.streams.get(name) ?? noStreamCounts()) };
        changed.streams.set(name, entry);
      }
      return entry;
    },
  };
}

/** Makes changes part of the base, in place. */
export function adopt(base: Counts, { changed }: CountChanges): void {
  for (const [name, value] of changed.sources) base.sources.set(name, value);
  for (const [name, value] of changed.streams) base.streams.set(name, value);
}

/** What the disk refused to note so far, entered into changes. */
export function payDebts(changes: CountChanges, owed: ReadonlyMap<string, SourceCounts>): void {
  for (const [source, counts] of owed) changes.add(source, counts);
}

/** The counts as they will be once the debts are noted. */
export function withDebts(counts: Counts, owed: ReadonlyMap<string, SourceCounts>): Counts {
  if (owed.size === 0) return counts;
  const changes = changesTo(counts);
  payDebts(changes, owed);
  const all = { sources: new Map(counts.sources), streams: new Map(counts.streams) };
  adopt(all, changes);
  return all;
}

/** The reading half of a node's ledger. */
export function ledgerOf(counts: Counts): Pick<NodeLedger, 'sources' | 'streams'> {
  return {
    sources: Object.fromEntries(counts.sources),
    streams: [...counts.streams].map(([name, value]) => {
      const cut = name.lastIndexOf('/');
      return { stream: name.slice(0, cut), priority: name.slice(cut + 1) as Priority, ...value };
    }),
  };
}

/**
 * After damage: records whose counters were in a lost block are booked as kept under `(damaged)`, so that kept and
 * enqueued agree again and the loss stays visible. Of the counters that the lost block set, later blocks may have set
 * some again and others not: what then does not add up between readings and their fates is booked there too, fates
 * that are lost as `journal-failed`.
 *
 * @param enqueued records per lane that the journal knows to have existed
 */
export function bookDamaged(counts: Counts, enqueued: readonly number[]): CountChanges {
  const changes = changesTo(counts);
  let uncollected = -unexplained(counts);
  enqueued.forEach((total, lane) => {
    if (!isLane(lane)) return;
    const kept = [...counts.streams].reduce(
      (sum, [name, entry]) => sum + (name.endsWith(`/${priorityOf(lane)}`) ? entry.kept : 0),
      0,
    );
    const lost = total - kept;
    if (lost <= 0) return;
    changes.stream(DAMAGED, lane).kept += lost;
    uncollected += lost;
  });
  if (uncollected > 0) changes.collected(DAMAGED, uncollected);
  if (uncollected < 0) changes.refused(DAMAGED, 'journal-failed', -uncollected, undefined);
  return changes;
}

/** Readings collected for which no fate is counted; negative: fates for which no reading is. */
function unexplained({ sources, streams }: Counts): number {
  let readings = 0;
  for (const { collected, refused } of sources.values()) readings += collected - sumOf(refused);
  for (const { filtered, absorbed, held, kept, local } of streams.values())
    readings -= filtered + absorbed + held + kept + local;
  return readings;
}
