import type { Epoch } from '../core/identity.ts';
import type { Lane } from '../core/priority.ts';
import { JOURNAL_LANES } from './commit-codec.ts';

/**
 * Records that were taken along from a segment that had to go, under the identity that they were committed with: one
 * lane of one earlier commit, or a part of it.
 */
export interface CarriedPart {
  epoch: Epoch;
  lane: Lane;
  first: number;
  count: number;
  /** Of the commit, see commit-codec.ts. */
  wallMs: number;
  monotonicMs: number;
  ageMs: number;
  bytes: Uint8Array;
}

const SERIES_AT = 8 * JOURNAL_LANES;
const PARTS_AT = SERIES_AT + 4;
const TABLE_AT = PARTS_AT + 4;
const ENTRY = 8 + 1 + 8 + 4 + 3 * 8 + 4;

/**
 * position f64 of each journal lane, series u32, parts u32, per part {epoch 8, lane u8, first f64, count u32, wall f64, monotonic f64,
 * age f64, bytes u32}, records.
 *
 * @param series above all series numbers given so far
 * @param positions where each journal lane of the writer's epoch stands: tells what a damaged commit before it held
 */
export function encodeCarried(
  { positions, series }: { positions: readonly number[]; series: number },
  parts: readonly CarriedPart[],
): Uint8Array {
  const table = TABLE_AT + parts.length * ENTRY;
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + part.bytes.length, table));
  for (let lane = 0; lane < JOURNAL_LANES; lane++) bytes.writeDoubleLE(positions[lane]!, 8 * lane);
  bytes.writeUInt32LE(series, SERIES_AT);
  bytes.writeUInt32LE(parts.length, PARTS_AT);
  let at = TABLE_AT;
  let body = table;
  for (const part of parts) {
    bytes.write(part.epoch, at, 'hex');
    bytes[at + 8] = part.lane;
    bytes.writeDoubleLE(part.first, at + 9);
    bytes.writeUInt32LE(part.count, at + 17);
    bytes.writeDoubleLE(part.wallMs, at + 21);
    bytes.writeDoubleLE(part.monotonicMs, at + 29);
    bytes.writeDoubleLE(part.ageMs, at + 37);
    bytes.writeUInt32LE(part.bytes.length, at + 45);
    at += ENTRY;
    bytes.set(part.bytes, body);
    body += part.bytes.length;
  }
  return bytes;
}

/** The parts of a payload whose CRC held; views of it. */
export function decodeCarried(payload: Uint8Array): CarriedPart[] {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const count = bytes.readUInt32LE(PARTS_AT);
  let body = TABLE_AT + count * ENTRY;
  return Array.from({ length: count }, (_, index): CarriedPart => {
    const at = TABLE_AT + index * ENTRY;
    const length = bytes.readUInt32LE(at + 45);
    body += length;
    return {
      epoch: bytes.toString('hex', at, at + 8),
      lane: bytes[at + 8] as Lane,
      first: bytes.readDoubleLE(at + 9),
      count: bytes.readUInt32LE(at + 17),
      wallMs: bytes.readDoubleLE(at + 21),
      monotonicMs: bytes.readDoubleLE(at + 29),
      ageMs: bytes.readDoubleLE(at + 37),
      bytes: bytes.subarray(body - length, body),
    };
  });
}

/** Where each journal lane of the writer's epoch stood. */
export function positionsIn(payload: Uint8Array): number[] {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return Array.from({ length: JOURNAL_LANES }, (_, lane) => bytes.readDoubleLE(8 * lane));
}

/** Above all series numbers given before it. */
export const seriesIn = (payload: Uint8Array): number =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).readUInt32LE(SERIES_AT);
