import type { JournalLane } from './commit-codec.ts';
import type { AppendResult, Commit } from './journal-port.ts';

/**
 * A commit and its result in memory that both threads see. Objects that are posted from thread to thread are written out
 * and put together again, property by property: beside a flush that takes no longer than this, it shows.
 *
 * Commit: clock offset f64, series u32, bytes of state u32, lanes u8, per lane {lane u8, count u32, bytes u32}, records,
 * state as JSON. Result: monotonic f64, aged f64, lanes u8, per lane {lane u8, first f64, count u32}.
 */
const LANES_AT = 16;
const TABLE_AT = 17;
const LANE_ENTRY = 9;
const RESULT_ENTRY = 13;

/** From and to shared memory V8 copies words only if both begin at a word, and else a byte at a time. */
export const aligned = (offset: number): number => Math.ceil(offset / 8) * 8;
const recordsAt = (lanes: number): number => aligned(TABLE_AT + LANE_ENTRY * lanes);

/** @returns false if it is too long for the memory that `roomFor` has */
export function writeCommit(commit: Commit, roomFor: (bytes: number) => Buffer | undefined): boolean {
  const { lanes, clockOffsetMs, series = 0 } = commit;
  const state = JSON.stringify(commit.state);
  const table = recordsAt(lanes.length);
  const records = lanes.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const memory = roomFor(table + records + MOST_UTF8 * state.length);
  if (!memory) return false;
  let at = TABLE_AT;
  let body = table;
  for (const { lane, count, bytes } of lanes) {
    memory[at] = lane;
    memory.writeUInt32LE(count, at + 1);
    memory.writeUInt32LE(bytes.length, at + 5);
    memory.set(bytes, body);
    at += LANE_ENTRY;
    body += bytes.length;
  }
  memory.writeDoubleLE(clockOffsetMs, 0);
  memory.writeUInt32LE(series, 8);
  memory.writeUInt32LE(memory.write(state, body), 12);
  memory[LANES_AT] = lanes.length;
  return true;
}
/** Bytes of one UTF-16 unit. */
const MOST_UTF8 = 3;

/** Its records are views of the memory. */
export function readCommit(memory: Buffer): Commit {
  const laneCount = memory[LANES_AT]!;
  const lanes: { lane: JournalLane; count: number; bytes: Uint8Array }[] = [];
  let body = recordsAt(laneCount);
  for (let at = TABLE_AT; lanes.length < laneCount; at += LANE_ENTRY) {
    const length = memory.readUInt32LE(at + 5);
    const bytes = memory.subarray(body, body + length);
    lanes.push({ lane: memory[at] as JournalLane, count: memory.readUInt32LE(at + 1), bytes });
    body += length;
  }
  const state = JSON.parse(memory.toString('utf8', body, body + memory.readUInt32LE(12)));
  return { lanes, state, series: memory.readUInt32LE(8), clockOffsetMs: memory.readDoubleLE(0) };
}

/** Writes what has no more to tell than positions and times; false for anything else. */
export function writeResult(result: AppendResult, memory: Buffer): boolean {
  if (!result.ok || result.evicted.length > 0) return false;
  memory.writeDoubleLE(result.monotonicMs, 0);
  memory.writeDoubleLE(result.agedMs, 8);
  memory[LANES_AT] = result.lanes.length;
  let at = TABLE_AT;
  for (const { lane, first, count } of result.lanes) {
    memory[at] = lane;
    memory.writeDoubleLE(first, at + 1);
    memory.writeUInt32LE(count, at + 9);
    at += RESULT_ENTRY;
  }
  return true;
}

export function readResult(memory: Buffer): AppendResult {
  const lanes = Array.from({ length: memory[LANES_AT]! }, (_, index) => {
    const at = TABLE_AT + RESULT_ENTRY * index;
    return { lane: memory[at] as JournalLane, first: memory.readDoubleLE(at + 1), count: memory.readUInt32LE(at + 9) };
  });
  return { ok: true, monotonicMs: memory.readDoubleLE(0), lanes, evicted: [], agedMs: memory.readDoubleLE(8) };
}
