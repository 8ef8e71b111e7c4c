import type { SourceCounts } from '../core/ledger.ts';
import type { ClockState } from '../core/reading.ts';
import type { JournalLane } from '../journal/commit-codec.ts';
import type { OfferedBatch, OfferedReading } from './offered.ts';
import type { WrittenPlace } from './virtual-disk.ts';

/** A record that must exist, as the model knows it. */
export interface ModelRecord {
  reading: OfferedReading;
  ts: number;
  clock: ClockState;
  /** The same record as other attempts to commit it would have it: nobody can tell which of them is on the disk. */
  orElse: { ts: number; clock: ClockState }[];
  lane: JournalLane;
  epoch: string;
  position: number;
  stored: boolean;
  /** When its commit began, virtual ms. */
  takenMs: number;
  /** In how many envelopes it left the node. */
  sends: number;
  /** As its node says at present; and whether it ever said so. */
  givenUp: boolean;
  wasGivenUp: boolean;
  /** Its bytes on the disk were hit by bit rot: it may be given up. */
  damaged: boolean;
}

export interface ModelStreamCounts {
  filtered: number;
  kept: number;
  local: number;
}

/** What survives a crash, by key. Values are replaced, never changed. */
export interface ModelState {
  sources: Map<string, SourceCounts>;
  /** Under `stream/lane`. */
  streams: Map<string, ModelStreamCounts>;
  /** The reading sent last, under `device/stream`. */
  sent: Map<string, OfferedReading>;
  /** Number of the batch committed last, by source. */
  positions: Map<string, number>;
}

/** What one commit changes, and the records that it makes. */
export interface Decision {
  batches: readonly OfferedBatch[];
  changes: ModelState;
  records: ModelRecord[];
  place: WrittenPlace | undefined;
  /** Its bytes were hit by bit rot. */
  damaged: boolean;
  /** And no snapshot had it when a process read the disk: what it changed is forgotten. */
  lost: boolean;
}

export const emptyState = (): ModelState => ({
  sources: new Map(),
  streams: new Map(),
  sent: new Map(),
  positions: new Map(),
});

/** Makes changes part of a state, in place. */
export function fold(state: ModelState, changes: ModelState): void {
  for (const [key, value] of changes.sources) state.sources.set(key, value);
  for (const [key, value] of changes.streams) state.streams.set(key, value);
  for (const [key, value] of changes.sent) state.sent.set(key, value);
  for (const [key, value] of changes.positions) state.positions.set(key, value);
}

export const copyOf = (state: ModelState): ModelState => ({
  sources: new Map(state.sources),
  streams: new Map(state.streams),
  sent: new Map(state.sent),
  positions: new Map(state.positions),
});

/** What two states differ in, as text; empty = nothing. */
export function differences(
  expected: Pick<ModelState, 'sources' | 'streams'>,
  found: Pick<ModelState, 'sources' | 'streams'>,
): string[] {
  if (sameMaps(expected.sources, found.sources) && sameMaps(expected.streams, found.streams)) return [];
  return [
    ...mapDifferences('source', expected.sources, found.sources),
    ...mapDifferences('stream', expected.streams, found.streams),
  ];
}

function mapDifferences(what: string, expected: ReadonlyMap<string, object>, found: ReadonlyMap<string, object>) {
  const different: string[] = [];
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    const left = canonical(expected.get(key));
    const right = canonical(found.get(key));
    if (left !== right) different.push(`${what} ${key}: expected ${left}, found ${right}`);
  }
  return different;
}

/** Numbers compared one by one: this runs after every event. */
function sameMaps(expected: ReadonlyMap<string, object>, found: ReadonlyMap<string, object>): boolean {
  if (expected.size !== found.size) return false;
  for (const [key, left] of expected) {
    const right = found.get(key);
    if (right === undefined || !sameFields(left, right)) return false;
  }
  return true;
}

function sameFields(expected: object, found: object): boolean {
  const left = expected as Record<string, number | object>;
  const right = found as Record<string, number | object>;
  let fields = 0;
  for (const name in left) {
    const a = left[name]!;
    const b = right[name];
    const same = typeof a === 'object' && typeof b === 'object' ? sameFields(a, b) : a === b;
    if (!same) return false;
    fields++;
  }
  for (const _ in right) fields--;
  return fields === 0;
}

function canonical(value: object | undefined): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_key, part) =>
    typeof part === 'object' && part !== null ? Object.fromEntries(Object.entries(part).sort(byName)) : part,
  );
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);
