import type { SourceCounts } from '../core/ledger.ts';
import type { ClockState, ReadingRefusal } from '../core/reading.ts';
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
  /** Wall clock minus monotonic clock when it was decided. */
  clockOffsetMs: number;
  lane: JournalLane;
  epoch: string;
  position: number;
  /** The far sides that have it: one bit each. */
  stores: number;
  /** Stayed local, and got positions to travel with by a pull. */
  pulled: boolean;
  /** The segment that its commit went to; undefined if nobody can tell. */
  file: string | undefined;
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
  /** What the node keeps for itself and must find again to the letter, as JSON: redelivery windows, notes of pulls. */
  opaque: Map<string, string>;
}

/** Readings of this lane and those after it are refused: what stays local counts as the last. */
export interface TurnedAway {
  from: JournalLane;
  reason: ReadingRefusal;
}

/** What one commit changes, and the records that it makes. */
export interface Decision {
  batches: readonly OfferedBatch[];
  changes: ModelState;
  records: ModelRecord[];
  /** A pull: these records stayed local until now, and are in `records` once more. */
  pulls: readonly ModelRecord[] | undefined;
  /** What was refused for want of room. */
  turnedAway: TurnedAway | undefined;
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
  opaque: new Map(),
});

/** A record that was just decided. */
export const newRecord = (
  made: Pick<ModelRecord, 'reading' | 'ts' | 'clock' | 'orElse' | 'lane' | 'clockOffsetMs'>,
): ModelRecord => ({
  ...made,
  epoch: '',
  position: -1,
  stores: 0,
  pulled: false,
  file: undefined,
  takenMs: 0,
  sends: 0,
  givenUp: false,
  wasGivenUp: false,
  damaged: false,
});

/** The entries of a journal's state that the model keeps as they are. */
export const opaqueIn = (state: Readonly<Record<string, unknown>>): Map<string, string> =>
  new Map(
    Object.entries(state)
      .filter(([key]) => key === 'pulled' || key.startsWith('source-state/'))
      .map(([key, value]) => [key, JSON.stringify(value)]),
  );

/** Makes changes part of a state, in place. */
export function fold(state: ModelState, changes: ModelState): void {
  for (const [key, value] of changes.sources) state.sources.set(key, value);
  for (const [key, value] of changes.streams) state.streams.set(key, value);
  for (const [key, value] of changes.sent) state.sent.set(key, value);
  for (const [key, value] of changes.positions) state.positions.set(key, value);
  for (const [key, value] of changes.opaque) state.opaque.set(key, value);
}

export const copyOf = (state: ModelState): ModelState => ({
  sources: new Map(state.sources),
  streams: new Map(state.streams),
  sent: new Map(state.sent),
  positions: new Map(state.positions),
  opaque: new Map(state.opaque),
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
