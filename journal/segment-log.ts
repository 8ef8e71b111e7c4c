import type { JsonValue } from '../core/filters/filter.ts';
import type { Epoch } from '../core/identity.ts';
import type { Disk, DiskFile } from '../core/ports.ts';
import { BLOCK_HEADER_BYTES, encodeBlock, type FoundBlock, type ScannedSegment, scanBlocks } from './block.ts';

/**
 * An append-only log in numbered segment files. Block 0 of each segment is its head: a snapshot of everything that
 * the segments before it said. So old segments can go, and since the last two always stay, damage to one head costs
 * nothing: the segment before it says the same.
 */
export interface SegmentHead {
  /**
   * Segments that a failed write or sync left in doubt, and how many of their bytes count. Nothing after that length
   * was ever acknowledged, and it must not come back to life.
   */
  truncated: Record<string, number>;
  snapshot: JsonValue;
}

export interface RecoveredLog {
  /** Numbers of the segments on disk, ascending. */
  segments: number[];
  /** The segment of the newest readable head and what it says; undefined for a new log. */
  head: { segment: number; snapshot: JsonValue } | undefined;
  truncated: Record<string, number>;
  /** Blocks written after that head, in order. */
  blocks: FoundBlock[];
  /** Unreadable places between readable blocks, or heads; the torn tail of the last segment does not count. */
  damages: number;
}

const FILE_PATTERN = /^([a-z]+)-(\d{10})\.hwj$/;
export const segmentFile = (log: string, number: number): string => `${log}-${String(number).padStart(10, '0')}.hwj`;

export async function segmentNumbers(disk: Disk, log: string): Promise<number[]> {
  const matches = (await disk.list()).map((name) => FILE_PATTERN.exec(name));
  return matches.flatMap((match) => (match?.[1] === log ? [Number(match[2])] : [])).sort((a, b) => a - b);
}

export async function scanSegment(disk: Disk, log: string, number: number): Promise<ScannedSegment> {
  const name = segmentFile(log, number);
  return scanBlocks(await disk.read(name, 0, await disk.size(name)), number);
}

/** Reads back from the newest segment to the newest readable head. */
export async function recoverLog(disk: Disk, log: string): Promise<RecoveredLog> {
  const segments = await segmentNumbers(disk, log);
  const newestFirst: ScannedSegment[] = [];
  let head: SegmentHead | undefined;
  let headSegment = 0;
  for (const number of segments.toReversed()) {
    const scanned = await scanSegment(disk, log, number);
    // What a killed process left may be in the page cache only, and the next head will count on it.
    await disk.sync(segmentFile(log, number));
    newestFirst.push(scanned);
    head = headOf(scanned);
    headSegment = number;
    if (head) break;
  }
  const truncated = head?.truncated ?? {};
  const scans = newestFirst.toReversed();
  return {
    segments,
    head: head && { segment: headSegment, snapshot: head.snapshot },
    truncated,
    blocks: scans.flatMap((scan) => scan.blocks.filter((found) => found.block > 0 && counts(found, truncated))),
    damages: scans.reduce((sum, scan) => sum + scan.damaged.length, 0),
  };
}

function headOf(scan: ScannedSegment): SegmentHead | undefined {
  const first = scan.blocks[0];
  return first?.block === 0 ? (JSON.parse(Buffer.from(first.payload).toString('utf8')) as SegmentHead) : undefined;
}

/** Whether a block lies before the length to which its segment was cut. */
export const counts = (found: FoundBlock, truncated: Record<string, number>): boolean =>
  found.offset + found.length <= (truncated[found.segment] ?? Number.POSITIVE_INFINITY);

export interface LogPlace {
  segment: number;
  block: number;
  offset: number;
  length: number;
}

export interface SegmentLog {
  /** Number of the segment being written. */
  readonly segment: number;
  /** Bytes of it. */
  readonly size: number;
  /** Of these, the bytes of its head. */
  readonly headBytes: number;
  readonly truncated: Record<string, number>;
  /** False after a failure: the next append starts a new segment. */
  readonly writable: boolean;
  /** Starts a new segment. Durable when it resolves. */
  roll(): Promise<void>;
  /**
   * Appends blocks; with sync they are durable when it resolves. When it rejects none of them counts, now or after a
   * restart, provided the next roll succeeds before anything else is acknowledged.
   */
  append(payloads: readonly Uint8Array[], options: { sync: boolean }): Promise<LogPlace[]>;
  sync(): Promise<void>;
  /** Removes old segments, durably. */
  remove(numbers: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentLogConfig {
  log: string;
  epoch: Epoch;
  nextSegment: number;
  truncated: Record<string, number>;
  snapshot: () => JsonValue;
}

export function createSegmentLog(disk: Disk, config: SegmentLogConfig): SegmentLog {
  const { log, epoch } = config;
  let truncated = { ...config.truncated };
  let segment = config.nextSegment - 1;
  let file: DiskFile | undefined;
  let block = 0;
  let size = 0;
  /** How much of the segment is known to be good: what is durable, or written by an append without sync. */
  let good = 0;
  let headBytes = 0;
  /** Newest first, at most two. */
  let durableHeads: number[] = [];
  /** Segments of failed attempts: nothing in them was ever acknowledged, and no span tells the caller of them. */
  let leftovers: number[] = [];

  const abandon = async (): Promise<void> => {
    truncated = { ...truncated, [segment]: good };
    if (good <= headBytes) leftovers.push(segment);
    const failed = file;
    file = undefined;
    // After a failed fdatasync the kernel may have dropped the pages: nothing more is written to this file.
    await Promise.resolve(failed?.close()).catch(() => undefined);
  };

  const write = async (payloads: readonly Uint8Array[], sync: boolean): Promise<LogPlace[]> => {
    if (!file) throw new Error('segment log is not open');
    const places: LogPlace[] = [];
    const encoded = payloads.map((payload) => {
      const place = { segment, block: block++, offset: size, length: BLOCK_HEADER_BYTES + payload.length };
      size += place.length;
      places.push(place);
      return encodeBlock({ segment, block: place.block, epoch }, payload);
    });
    try {
      await file.append(encoded.length === 1 ? encoded[0]! : Buffer.concat(encoded));
      if (sync) await file.sync();
    } catch (error) {
      await abandon();
      throw error;
    }
    good = size;
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

  /** What failed attempts left, as far as the last two heads do not need it. */
  const removeLeftovers = async (): Promise<void> => {
    for (const number of leftovers.filter((candidate) => candidate < durableHeads[1]!)) {
      try {
        await remove([number]);
        leftovers = leftovers.filter((other) => other !== number);
      } catch {
        // It goes after a later roll.
      }
    }
  };

  const remove = async (numbers: readonly number[]): Promise<void> => {
    if (numbers.length === 0) return;
    for (const number of numbers) await disk.remove(segmentFile(log, number));
    // A segment that came back after a power cut would be delivered again under a forgotten epoch.
    await disk.syncDirectory();
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

  const roll = async (): Promise<void> => {
    await finish();
    segment++;
    block = 0;
    size = 0;
    good = 0;
    headBytes = 0;
    try {
      file = await disk.create(segmentFile(log, segment));
      await write(
        [Buffer.from(JSON.stringify({ truncated, snapshot: config.snapshot() } satisfies SegmentHead))],
        true,
      );
      // The name must be as durable as the content before anything in it is acknowledged.
      await disk.syncDirectory();
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
    get truncated() {
      return truncated;
    },
    get writable() {
      return file !== undefined;
    },
    roll,
    async append(payloads, { sync }) {
      if (!file) await roll();
      return write(payloads, sync);
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
    remove,
    close: finish,
  };
}
