import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import type { Disk, DiskFile } from '../core/ports.ts';
import type { Aside } from './aside.ts';
import { BLOCK_OVERHEAD, type FoundBlock, type ScannedSegment, scanBlocks } from './block.ts';
import type { DataKey, LogKeys, LogName } from './key-ring.ts';
import { roomAhead } from './room-ahead.ts';
import { createScratch } from './scratch.ts';
import { type LogPlace, lengthOf, type NewBlock, sealBlocks } from './sealing.ts';
import { encodeHead, scanSegment, segmentFile, unlessGone } from './segment-files.ts';
import { capacityFor, type SegmentFiles } from './segment-pool.ts';

export type { LogPlace };

export interface SegmentLog {
  /** Number of the segment being written. */
  readonly segment: number;
  /** Bytes of it, up to the end of its last block. */
  readonly size: number;
  /** What its file takes up on the disk: a recycled one is longer than what is in it. */
  readonly fileBytes: number;
  /** Bytes of its file when it is full: the next segment begins then. Infinite without a pool. */
  readonly capacity: number;
  /** Of these, the bytes of its head. */
  readonly headBytes: number;
  readonly truncated: Record<string, number>;
  scan(number: number): Promise<ScannedSegment>;
  /** Reads back the blocks of a stretch, as far as they are readable still; their offsets are within it. */
  read(stretch: Omit<LogPlace, 'block'>): Promise<FoundBlock[]>;
  /** False after a failure: the next append starts a new segment. */
  readonly writable: boolean;
  /** Whether one more block of so many bytes goes into this segment; an empty one takes any. */
  fits(payloadBytes: number): boolean;
  /** By how much the directory grows with such a block, a new segment included if it needs one. */
  growthOf(payloadBytes: number): number;
  /** What spare segments take up on the disk. */
  spareBytes(): number;
  /** Starts a new segment. Durable when it resolves. */
  roll(): Promise<void>;
  /**
   * Appends blocks; with sync they are durable when it resolves. When it rejects none of them counts, now or after a
   * restart, provided the next roll succeeds before anything else is acknowledged.
   */
  append(blocks: readonly NewBlock[], options: { sync: boolean }): Promise<LogPlace[]>;
  sync(): Promise<void>;
  /** Old segments are no more, durably: their files become spares or are removed. */
  recycle(numbers: readonly number[]): Promise<void>;
  /** Waits for the spare that is being prepared. */
  close(): Promise<void>;
}

export interface SegmentLogConfig {
  log: LogName;
  /** A segment is written with the key that is the current one when it begins. */
  keys: LogKeys;
  /** Where damaged stretches are kept; without one they are not. */
  aside?: Aside;
  epoch: Epoch;
  nextSegment: number;
  truncated: Record<string, number>;
  snapshot: () => JsonValue;
  /** Where files come from and go to; without one they are created, grow and are removed. */
  files?: SegmentFiles;
  /** So many bytes behind its head a file without a pool grows in steps. @default 0 with each write */
  roomBytes?: number;
  /** Whether the caller keeps account of this segment, and so gives it back itself. @default of none */
  isKnown?: (segment: number) => boolean;
}

/** A spare is prepared once a segment is so full: a node that restarts often does not wear its flash. */
const PREPARE_AT = 0.25;

export function createSegmentLog(disk: Disk, config: SegmentLogConfig): SegmentLog {
  const { log, epoch, keys, aside, roomBytes = 0, isKnown = () => false } = config;
  let truncated = { ...config.truncated };
  const { files } = config;
  // Above the numbers of all blocks that a spare may hold (segment-pool.ts).
  let segment = Math.max(config.nextSegment - 1, files?.pool.highest() ?? 0);
  let file: DiskFile | undefined;
  let key: DataKey | undefined;
  let block = 0;
  let size = 0;
  /** How much of the segment is known to be good: what is durable, or written by an append without sync. */
  let good = 0;
  let headBytes = 0;
  let allocated = 0;
  /** Not after a failure, until something was given back: the last bytes of a full disk are for blocks. */
  let growsInSteps = true;
  const memory = createScratch();
  let capacity = Number.POSITIVE_INFINITY;
  /** Not to be found under their names any more, though a power cut may bring them back. */
  let letGo = new Set<number>();
  /** Newest first, at most two. */
  let durableHeads: number[] = [];
  /** Segments of failed attempts: nothing in them was ever acknowledged. */
  let leftovers: number[] = [];

  const abandon = async (): Promise<void> => {
    growsInSteps = false;
    truncated = { ...truncated, [segment]: good };
    if (good <= headBytes) leftovers.push(segment);
    const failed = file;
    file = undefined;
    // After a failed fdatasync the kernel may have dropped the pages: nothing more is written to this file.
    await Promise.resolve(failed?.close()).catch(() => undefined);
  };

  /** How many zeros to write behind what is written from one offset to another. */
  const zerosBehind = (from: number, to: number): number => {
    if (!growsInSteps) return 0;
    const limit = files ? capacity : headBytes + roomBytes;
    const ahead = roomAhead({ from, to, fileBytes: allocated, limit });
    return ahead > 0 && files && !files.mayPrepare(to + ahead - allocated) ? 0 : ahead;
  };

  const write = async (blocks: readonly NewBlock[], sync: boolean): Promise<LogPlace[]> => {
    if (!file || !key) throw new Error('segment log is not open');
    const start = { segment, block, offset: size };
    const end = size + lengthOf(blocks);
    const ahead = zerosBehind(size, end);
    // Used up whatever happens: a number is part of the nonce.
    block += blocks.length;
    const { bytes, places } = sealBlocks(blocks, { epoch, key, start, ahead, memory });
    size = end;
    try {
      await file.write(start.offset, bytes);
      if (sync) await file.sync();
    } catch (error) {
      await abandon();
      throw error;
    }
    good = size;
    allocated = Math.max(allocated, size + ahead);
    return places;
  };

  /** A full disk must not fill with the heads of failed attempts. If this fails too, `truncated` disarms the file. */
  const discard = async (): Promise<void> => {
    try {
      await disk.remove(segmentFile(log, segment));
      await disk.syncDirectory();
      delete truncated[segment];
    } catch {
      if (!leftovers.includes(segment)) leftovers.push(segment);
    }
  };

  /** What failed attempts left, as far as the last two heads do not need it; but nothing that somebody may still read. */
  const removeLeftovers = async (): Promise<void> => {
    for (const number of leftovers.filter((candidate) => candidate < durableHeads[1]!)) {
      try {
        if (!isKnown(number)) await recycle([number]);
        leftovers = leftovers.filter((other) => other !== number);
      } catch {
        // It goes after a later roll.
      }
    }
  };

  const recycle = async (numbers: readonly number[]): Promise<void> => {
    if (numbers.length === 0) return;
    for (const number of numbers) {
      if (letGo.has(number)) continue;
      const name = segmentFile(log, number);
      // A file that failed once is not written to again.
      const reusable = files !== undefined && truncated[number] === undefined;
      await unlessGone(async () => {
        if (!(reusable && (await files.pool.give(name, number, capacity)))) await disk.remove(name);
      });
      letGo.add(number);
    }
    // A segment that came back after a power cut would be delivered again under a forgotten epoch.
    await disk.syncDirectory();
    letGo = new Set();
    growsInSteps = true;
    truncated = Object.fromEntries(Object.entries(truncated).filter(([number]) => !numbers.includes(Number(number))));
  };

  const finish = async (): Promise<void> => {
    try {
      await file?.sync();
      await file?.close();
    } catch (error) {
      await abandon();
      throw error;
    }
    file = undefined;
  };

  const fits = (payloadBytes: number): boolean =>
    size === headBytes || size + BLOCK_OVERHEAD + payloadBytes <= capacity;

  /**
   * The name is durable before a byte is written under it: a power cut must neither take the name of what was
   * acknowledged, nor leave new blocks in a file with an older number.
   */
  const begin = async (name: string): Promise<DiskFile> => {
    const isSpare = files !== undefined && (await files.pool.take(name, capacity));
    if (isSpare) allocated = capacity;
    const created = isSpare ? undefined : await disk.create(name);
    try {
      await disk.syncDirectory();
    } catch (error) {
      await Promise.resolve(created?.close()).catch(() => undefined);
      throw error;
    }
    return created ?? disk.open(name);
  };

  const prepareSpare = (): void => {
    if (files && size > capacity * PREPARE_AT && files.mayPrepare(capacity)) files.pool.prepareNext(capacity);
  };

  const roll = async (): Promise<void> => {
    await finish();
    const head = encodeHead({ truncated, snapshot: config.snapshot() });
    segment++;
    key = keys.current(epoch);
    block = 0;
    size = 0;
    good = 0;
    headBytes = 0;
    allocated = 0;
    if (files) capacity = capacityFor(head.length, files.payloadBytes);
    try {
      file = await begin(segmentFile(log, segment));
      await write([{ kind: 'head', payload: head }], true);
    } catch (error) {
      if (file) await abandon();
      truncated = { ...truncated, [segment]: 0 };
      await discard();
      throw error;
    }
    headBytes = size;
    durableHeads = [segment, ...durableHeads].slice(0, 2);
    await removeLeftovers();
  };

  return {
    get segment() {
      return segment;
    },
    get size() {
      return size;
    },
    get headBytes() {
      return headBytes;
    },
    get fileBytes() {
      return Math.max(size, allocated);
    },
    get capacity() {
      return capacity;
    },
    get truncated() {
      return truncated;
    },
    get writable() {
      return file !== undefined;
    },
    scan: (number) => scanSegment(disk, log, number, keys, aside),
    async read({ segment: number, offset, length }) {
      const bytes = await disk.read(segmentFile(log, number), offset, length);
      return scanBlocks(bytes, number, keys).blocks;
    },
    fits,
    growthOf(payloadBytes) {
      const length = BLOCK_OVERHEAD + payloadBytes;
      if (fits(payloadBytes)) return Math.max(0, size + length - allocated);
      return Math.max(headBytes + length, capacity) - (files?.pool.has(capacity) ? capacity : 0);
    },
    spareBytes: () => files?.pool.bytes() ?? 0,
    roll,
    async append(blocks, { sync }) {
      if (!file) await roll();
      const places = await write(blocks, sync);
      prepareSpare();
      return places;
    },
    async sync() {
      // What a failed write took with it is in the snapshot of the next segment.
      if (!file) return roll();
      try {
        await file.sync();
      } catch (error) {
        await abandon();
        throw error;
      }
    },
    recycle,
    async close() {
      await files?.pool.settled();
      await finish();
    },
  };
}
