import type { Epoch } from '../core/identity.ts';
import { BLOCK_OVERHEAD, type BlockKind, encodeBlock } from './block.ts';
import type { DataKey } from './key-ring.ts';
import type { Scratch } from './scratch.ts';

export interface NewBlock {
  kind: BlockKind;
  payload: Uint8Array;
}

export interface LogPlace {
  segment: number;
  block: number;
  offset: number;
  length: number;
}

/** What blocks take on disk. */
export const lengthOf = (blocks: readonly NewBlock[]): number =>
  blocks.reduce((sum, { payload }) => sum + BLOCK_OVERHEAD + payload.length, 0);

export interface Sealing {
  epoch: Epoch;
  key: DataKey;
  /** Where the first block goes, and its number. */
  start: Omit<LogPlace, 'length'>;
  /** Zeros to write behind the last one. */
  ahead: number;
  /** Where the bytes are made; they are good until it is used again. */
  memory: Scratch;
}

/** Blocks as they go to the disk, one behind the other, and where each of them lies. */
export function sealBlocks(
  blocks: readonly NewBlock[],
  { epoch, key, start, ahead, memory }: Sealing,
): { bytes: Uint8Array; places: LogPlace[] } {
  const length = lengthOf(blocks);
  const bytes = memory(length + ahead).fill(0, length);
  let at = 0;
  const places = blocks.map(({ kind, payload }, index) => {
    const { segment, offset } = start;
    const place = { segment, block: start.block + index, offset: offset + at, length: BLOCK_OVERHEAD + payload.length };
    encodeBlock({ ...place, epoch, kind }, payload, key, bytes.subarray(at, at + place.length));
    at += place.length;
    return place;
  });
  return { bytes, places };
}
