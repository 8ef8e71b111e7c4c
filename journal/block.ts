import { createCipheriv, createDecipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Epoch } from '../core/identity.ts';
import { type DataKey, LOGS, type LogKeys } from './key-ring.ts';

/**
 * A block is the unit of durability: it is whole on disk or it is not there. All numbers are little endian.
 *
 *  0 magic "HWB2"        12 payload length      24 epoch (8 bytes)       37 three zero bytes
 *  4 header CRC-32       16 segment number      32 key id, 1 or more     40 payload
 *  8 payload CRC-32      20 block number        36 kind
 *
 * The header CRC covers bytes 8..39, so a length is believed only if it is intact. Segment and block number are part
 * of the header: a block in a wrong place never validates, nor does one that an earlier use of the file left in it.
 *
 * The payload on disk is AES-256-GCM ciphertext and its 16-byte tag; bytes 16..39 of the header are authenticated with it.
 * The nonce is log, segment and block number. **It never repeats under one key**: the data key belongs to one log of one
 * epoch (key-ring.ts), an epoch is 64 random bits drawn at each opening, and within it the segment log never goes back:
 * each segment it begins, in vain or not, has a number of its own, and each block it encodes, whether its write fails or
 * not, uses up a number of the segment. Nobody writes to an old epoch. Numbers beyond 32 bits throw.
 */
export const BLOCK_HEADER_BYTES = 40;
const TAG_BYTES = 16;
/** What a block takes on disk besides its payload. */
export const BLOCK_OVERHEAD = BLOCK_HEADER_BYTES + TAG_BYTES;
export const BLOCK_MAGIC = Buffer.from('HWB2');
const CIPHER = 'aes-256-gcm';
const TAGGED = { authTagLength: TAG_BYTES };
const SLICE_BYTES = 32 * 1024;
/** Nothing larger is written, so a longer length on disk is damage. */
export const MAX_BLOCK_PAYLOAD = 64 * 1024 * 1024;

const KINDS = { head: 1, commit: 2, carried: 3, fates: 4 } as const;
/** `carried`: records of an older segment, moved on when that one was emptied; or of a dead letter. */
export type BlockKind = keyof typeof KINDS;
const kindOf = new Map<number, BlockKind>(Object.entries(KINDS).map(([kind, code]) => [code, kind as BlockKind]));

export interface BlockPlace {
  segment: number;
  block: number;
  epoch: Epoch;
  kind: BlockKind;
}

/**
 * @param key of the block's log and epoch
 * @param bytes where it goes: memory of exactly its length
 */
export function encodeBlock(
  place: BlockPlace,
  payload: Uint8Array,
  { id, log, key }: DataKey,
  bytes: Buffer = Buffer.allocUnsafe(BLOCK_OVERHEAD + payload.length),
): Uint8Array {
  if (payload.length > MAX_BLOCK_PAYLOAD) {
    throw new RangeError(`block of ${payload.length} bytes, allowed ${MAX_BLOCK_PAYLOAD}`);
  }
  bytes.fill(0, 0, BLOCK_HEADER_BYTES);
  BLOCK_MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(payload.length + TAG_BYTES, 12);
  bytes.writeUInt32LE(place.segment, 16);
  bytes.writeUInt32LE(place.block, 20);
  bytes.writeBigUInt64LE(BigInt(`0x${place.epoch}`), 24);
  bytes.writeUInt32LE(id, 32);
  bytes[36] = KINDS[place.kind];
  const cipher = createCipheriv(CIPHER, key, nonceOf(log, place), TAGGED).setAAD(authenticated(bytes));
  // By slices: each comes back in memory of its own, and a small piece of that is cheap.
  for (let at = 0; at < payload.length; at += SLICE_BYTES) {
    bytes.set(cipher.update(payload.subarray(at, at + SLICE_BYTES)), BLOCK_HEADER_BYTES + at);
  }
  cipher.final(); // of a stream cipher: empty
  bytes.set(cipher.getAuthTag(), bytes.length - TAG_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(BLOCK_HEADER_BYTES)), 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(8, BLOCK_HEADER_BYTES)), 4);
  return bytes;
}

function nonceOf(log: DataKey['log'], { segment, block }: Pick<BlockPlace, 'segment' | 'block'>): Uint8Array {
  const nonce = Buffer.allocUnsafe(12);
  nonce.writeUInt32LE(LOGS[log], 0);
  nonce.writeUInt32LE(segment, 4);
  nonce.writeUInt32LE(block, 8);
  return nonce;
}

const authenticated = (block: Buffer): Buffer => block.subarray(16, BLOCK_HEADER_BYTES);

/** A block whose checksums hold. */
export interface SealedBlock extends BlockPlace {
  /** Of the header, within the segment. */
  offset: number;
  /** Of everything: header, payload and tag. */
  length: number;
  keyId: number;
  /** The whole block. */
  bytes: Buffer;
}

export interface FoundBlock extends SealedBlock {
  /** As it was given to encodeBlock. */
  payload: Uint8Array;
}

export interface Stretch {
  offset: number;
  length: number;
}

/**
 * All blocks of this segment whose checksums hold, by place in a file's bytes. What an earlier use of the file left is none.
 * One that somebody moved within the file is as good as it was; of two with one number the first counts.
 */
export function findBlocks(bytes: Uint8Array, segment: number): SealedBlock[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: SealedBlock[] = [];
  const numbers = new Set<number>();
  for (let offset = 0; offset + BLOCK_HEADER_BYTES <= buffer.length; ) {
    const block = blockAt(buffer, offset, segment);
    if (block && !numbers.has(block.block) && block.epoch === (found[0] ?? block).epoch) {
      found.push(block);
      numbers.add(block.block);
    }
    const next = block ? offset + block.length : buffer.indexOf(BLOCK_MAGIC, offset + 1);
    if (next < 0) break;
    offset = next;
  }
  return found;
}

/** What a header says of its block, if its own checksum holds. */
export function readHeader(
  bytes: Uint8Array,
  offset = 0,
): (BlockPlace & { keyId: number; length: number }) | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = buffer.subarray(offset, offset + BLOCK_HEADER_BYTES);
  if (header.length < BLOCK_HEADER_BYTES || header.compare(BLOCK_MAGIC, 0, 4, 0, 4) !== 0) return undefined;
  if (header.readUInt32LE(4) !== crc32(header.subarray(8))) return undefined;
  const onDisk = header.readUInt32LE(12);
  const kind = kindOf.get(header[36]!);
  if (onDisk < TAG_BYTES || onDisk > MAX_BLOCK_PAYLOAD + TAG_BYTES || kind === undefined) return undefined;
  return {
    segment: header.readUInt32LE(16),
    block: header.readUInt32LE(20),
    epoch: header.readBigUInt64LE(24).toString(16).padStart(16, '0'),
    keyId: header.readUInt32LE(32),
    kind,
    length: BLOCK_HEADER_BYTES + onDisk,
  };
}

function blockAt(buffer: Buffer, offset: number, segment: number): SealedBlock | undefined {
  const header = readHeader(buffer, offset);
  if (!header || header.segment !== segment) return undefined;
  const bytes = buffer.subarray(offset, offset + header.length);
  if (bytes.length !== header.length || bytes.readUInt32LE(8) !== crc32(bytes.subarray(BLOCK_HEADER_BYTES))) {
    return undefined;
  }
  return { ...header, offset, bytes };
}

/** The payload; undefined if the block was not made with this key, or was changed since. */
export function openBlock(block: SealedBlock, { log, key }: DataKey): Uint8Array | undefined {
  const { bytes } = block;
  const decipher = createDecipheriv(CIPHER, key, nonceOf(log, block), TAGGED)
    .setAAD(authenticated(bytes))
    .setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const payload = decipher.update(bytes.subarray(BLOCK_HEADER_BYTES, bytes.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return payload;
}

export interface ScannedSegment {
  /** By number. */
  blocks: FoundBlock[];
  /** Stretches between readable blocks that are not readable: bit rot, or somebody's hand. */
  damaged: Stretch[];
  /** Where the last readable block ends. */
  end: number;
  /** Ids of keys that blocks of this segment need and the ring does not have. */
  unknownKeys: number[];
  /** Blocks with a key id that the ring has, and whose checksums hold, that this key did not make. */
  forged: number;
}

/**
 * All readable blocks of a segment's bytes. Damage costs the blocks it touches, nothing else. What follows the last block
 * of this segment is a torn tail, or stale.
 */
export function scanBlocks(bytes: Uint8Array, segment: number, keys: LogKeys): ScannedSegment {
  const scanned: ScannedSegment = { blocks: [], damaged: [], end: 0, unknownKeys: [], forged: 0 };
  for (const sealed of findBlocks(bytes, segment)) {
    const key = keys.find(sealed.keyId, sealed.epoch);
    const payload = key && openBlock(sealed, key);
    if (!key && !scanned.unknownKeys.includes(sealed.keyId)) scanned.unknownKeys.push(sealed.keyId);
    if (key && !payload) scanned.forged++;
    if (!payload) continue;
    const { offset, length } = sealed;
    if (offset > scanned.end) scanned.damaged.push({ offset: scanned.end, length: offset - scanned.end });
    scanned.blocks.push({ ...sealed, payload });
    scanned.end = offset + length;
  }
  scanned.blocks.sort((a, b) => a.block - b.block);
  return scanned;
}
