import type { JsonValue } from '../core/filters/filter.ts';
import type { Scratch } from './scratch.ts';
import { aligned } from './shared-append.ts';

/**
 * Lanes 0..3 travel; lane 4 holds what stays local (`sync: on-demand`): it has positions of its own, which only say
 * how much of it is still there.
 */
export const LOCAL_LANE = 4;
export const JOURNAL_LANES = 5;
export type JournalLane = 0 | 1 | 2 | 3 | 4;

/** Records of one lane in one commit; they take positions first … first + count − 1. */
export interface CommittedLane {
  lane: JournalLane;
  first: number;
  count: number;
  bytes: Uint8Array;
}

/**
 * Small values under keys: counters, source positions, filter states, series numbers. A commit sets some of them,
 * absolutely, never as a difference: so a later commit heals what a damaged one lost. `null` removes a key.
 */
export type StateDelta = Readonly<Record<string, JsonValue>>;

/** Takes a commit's changes into the state, in place. */
export function applyDelta(state: Record<string, JsonValue>, delta: StateDelta): void {
  for (const [key, value] of Object.entries(delta)) {
    if (value === null) delete state[key];
    else state[key] = value;
  }
}

export interface CommitBlock {
  wallMs: number;
  /** Of the boot that wrote it: comparable only within the epoch. */
  monotonicMs: number;
  /** Of the directory's age clock: comparable with every other commit (age-clock.ts). */
  ageMs: number;
  /** Whether `wallMs` could be trusted. */
  synced: boolean;
  /**
   * Of the commit within its epoch. A failed one gives its number to the next: of two blocks with one number the later
   * counts, even if the head that says so has become unreadable.
   */
  number: number;
  /** Where each journal lane stood before it: tells what a damaged block before it held. */
  positions: readonly number[];
  /** Above all series numbers given so far, by this commit too: those that a damaged block named are not given again. */
  series: number;
  lanes: readonly CommittedLane[];
  state: StateDelta;
}

const POSITIONS_AT = 33;
const SERIES_AT = POSITIONS_AT + 8 * JOURNAL_LANES;
const LANE_COUNT_AT = SERIES_AT + 4;
const FIXED = LANE_COUNT_AT + 1;
const LANE_ENTRY = 17;

/**
 * wall f64, monotonic f64, number f64, age f64, synced u8, position f64 of each journal lane, series u32, lanes u8, per lane
 * {lane u8, first f64, count u32, bytes u32}, records, state as JSON.
 *
 * @param memory where it goes
 */
export function encodeCommit(commit: CommitBlock, memory: Scratch = Buffer.allocUnsafe): Uint8Array {
  const state = Buffer.from(JSON.stringify(commit.state));
  const table = FIXED + commit.lanes.length * LANE_ENTRY;
  const records = commit.lanes.reduce((sum, lane) => sum + lane.bytes.length, 0);
  // Records may come in shared memory, at a word's beginning (shared-append.ts): here they begin at one too.
  const before = aligned(table) - table;
  const bytes = memory(before + table + records + state.length).subarray(before);
  bytes.writeDoubleLE(commit.wallMs, 0);
  bytes.writeDoubleLE(commit.monotonicMs, 8);
  bytes.writeDoubleLE(commit.number, 16);
  bytes.writeDoubleLE(commit.ageMs, 24);
  bytes[32] = commit.synced ? 1 : 0;
  for (let lane = 0; lane < JOURNAL_LANES; lane++) {
    bytes.writeDoubleLE(commit.positions[lane]!, POSITIONS_AT + 8 * lane);
  }
  bytes.writeUInt32LE(commit.series, SERIES_AT);
  bytes[LANE_COUNT_AT] = commit.lanes.length;
  let at = FIXED;
  let body = table;
  for (const lane of commit.lanes) {
    bytes[at] = lane.lane;
    bytes.writeDoubleLE(lane.first, at + 1);
    bytes.writeUInt32LE(lane.count, at + 9);
    bytes.writeUInt32LE(lane.bytes.length, at + 13);
    at += LANE_ENTRY;
    bytes.set(lane.bytes, body);
    body += lane.bytes.length;
  }
  bytes.set(state, body);
  return bytes;
}

/** The lanes of a payload whose CRC held. */
export function decodeLanes(payload: Uint8Array): CommittedLane[] {
  const bytes = bufferOf(payload);
  const laneCount = bytes[LANE_COUNT_AT]!;
  const lanes: CommittedLane[] = [];
  let body = FIXED + laneCount * LANE_ENTRY;
  for (let index = 0; index < laneCount; index++) {
    const at = FIXED + index * LANE_ENTRY;
    const length = bytes.readUInt32LE(at + 13);
    lanes.push({
      lane: bytes[at] as JournalLane,
      first: bytes.readDoubleLE(at + 1),
      count: bytes.readUInt32LE(at + 9),
      bytes: bytes.subarray(body, body + length),
    });
    body += length;
  }
  return lanes;
}

/** The whole commit of a payload whose CRC held. */
export function decodeCommit(payload: Uint8Array): CommitBlock {
  const bytes = bufferOf(payload);
  const lanes = decodeLanes(payload);
  const body = lanes.reduce((at, lane) => at + lane.bytes.length, FIXED + lanes.length * LANE_ENTRY);
  const state = JSON.parse(bytes.toString('utf8', body)) as StateDelta;
  const positions = Array.from({ length: JOURNAL_LANES }, (_, lane) => bytes.readDoubleLE(POSITIONS_AT + 8 * lane));
  const series = bytes.readUInt32LE(SERIES_AT);
  return { ...decodeTimes(payload), number: bytes.readDoubleLE(16), positions, series, lanes, state };
}

export function decodeTimes(payload: Uint8Array): Pick<CommitBlock, 'wallMs' | 'monotonicMs' | 'ageMs' | 'synced'> {
  const bytes = bufferOf(payload);
  return {
    wallMs: bytes.readDoubleLE(0),
    monotonicMs: bytes.readDoubleLE(8),
    ageMs: bytes.readDoubleLE(24),
    synced: bytes[32] === 1,
  };
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
