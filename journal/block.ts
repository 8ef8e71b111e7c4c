import { crc32 } from 'node:zlib';
import type { Epoch } from '../core/identity.ts';

/**
 * A block is the unit of durability: it is whole on disk or it is not there. All numbers are little endian.
 *
 *  0 magic "HWB1"        8 payload CRC-32       16 segment number      24 epoch (8 bytes)
 *  4 header CRC-32      12 payload length       20 block number        32 payload
 *
 * The header CRC covers bytes 8..31, so a length is believed only if it is intact. Segment and block number are part
 * of the header: a block in a wrong place never validates.
 */
export const BLOCK_HEADER_BYTES = 32;
const MAGIC = Buffer.from('HWB1');
/** Nothing larger is written, so a longer length on disk is damage. */
export const MAX_BLOCK_PAYLOAD = 64 * 1024 * 1024;

export interface BlockPlace {
  segment: number;
  block: number;
  epoch: Epoch;
}

export function encodeBlock(place: BlockPlace, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_BLOCK_PAYLOAD) {
    throw new RangeError(`block of ${payload.length} bytes, allowed ${MAX_BLOCK_PAYLOAD}`);
  }
  const bytes = Buffer.allocUnsafe(BLOCK_HEADER_BYTES + payload.length);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(crc32(payload), 8);
  bytes.writeUInt32LE(payload.length, 12);
  bytes.writeUInt32LE(place.segment, 16);
  bytes.writeUInt32LE(place.block, 20);
  bytes.writeBigUInt64LE(BigInt(`0x${place.epoch}`), 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, BLOCK_HEADER_BYTES)), 4);
  bytes.set(payload, BLOCK_HEADER_BYTES);
  return bytes;
}

export interface FoundBlock extends BlockPlace {
  /** Of the header, within the segment. */
  offset: number;
  /** Header and payload. */
  length: number;
  payload: Uint8Array;
}

export interface ScannedSegment {
  blocks: FoundBlock[];
  /** Stretches between readable blocks that are not readable: bit rot. */
  damaged: { offset: number; length: number }[];
  /** Where the last readable block ends. What follows is a torn or damaged tail. */
  end: number;
}

/** All readable blocks of a segment's bytes. Damage costs the blocks it touches, nothing else. */
export function scanBlocks(bytes: Uint8Array, segment: number): ScannedSegment {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: ScannedSegment = { blocks: [], damaged: [], end: 0 };
  let offset = 0;
  while (offset + BLOCK_HEADER_BYTES <= buffer.length) {
    const block = blockAt(buffer, offset, segment, found.blocks.at(-1)?.block ?? -1);
    if (block) {
      if (offset > found.end) found.damaged.push({ offset: found.end, length: offset - found.end });
      found.blocks.push(block);
      offset += block.length;
      found.end = offset;
    } else {
      const next = buffer.indexOf(MAGIC, offset + 1);
      if (next < 0) break;
      offset = next;
    }
  }
  return found;
}

function blockAt(buffer: Buffer, offset: number, segment: number, previous: number): FoundBlock | undefined {
  if (buffer.compare(MAGIC, 0, 4, offset, offset + 4) !== 0) return undefined;
  const header = buffer.subarray(offset, offset + BLOCK_HEADER_BYTES);
  if (header.readUInt32LE(4) !== crc32(header.subarray(8))) return undefined;
  const length = header.readUInt32LE(12);
  const block = header.readUInt32LE(20);
  if (header.readUInt32LE(16) !== segment || block <= previous || length > MAX_BLOCK_PAYLOAD) return undefined;
  const payload = buffer.subarray(offset + BLOCK_HEADER_BYTES, offset + BLOCK_HEADER_BYTES + length);
  if (payload.length !== length || header.readUInt32LE(8) !== crc32(payload)) return undefined;
  const epoch = header.readBigUInt64LE(24).toString(16).padStart(16, '0');
  return { segment, block, epoch, offset, length: BLOCK_HEADER_BYTES + length, payload };
}
