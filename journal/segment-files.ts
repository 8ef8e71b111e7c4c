import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { JsonValue } from '../core/filters/filter.ts';
import type { Disk } from '../core/ports.ts';
import type { Aside } from './aside.ts';
import { type FoundBlock, type ScannedSegment, scanBlocks } from './block.ts';
import type { LogKeys, LogName } from './key-ring.ts';

/**
 * A log in numbered segment files that only grows. Block 0 of each segment is its head: a snapshot of everything that
 * the segments before it said. So old segments can go, and since the last two always stay, damage to one head costs
 * nothing: the segment before it says the same.
 *
 * With a pool a new segment may be an old file with its old bytes still in it: a block counts only with the number of
 * its segment, and what follows the last such block is a torn tail or stale, never damage.
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

/** @param aside keeps what is damaged, before the file is used again */
export async function scanSegment(
  disk: Disk,
  log: LogName,
  number: number,
  keys: LogKeys,
  aside?: Aside,
): Promise<ScannedSegment> {
  const name = segmentFile(log, number);
  const bytes = await disk.read(name, 0, await disk.size(name));
  const scanned = scanBlocks(bytes, number, keys);
  for (const stretch of scanned.damaged) await aside?.keepStretch(name, stretch, bytes);
  return scanned;
}

/** Reads back from the newest segment to the newest readable head. */
export async function recoverLog(disk: Disk, log: LogName, keys: LogKeys, aside?: Aside): Promise<RecoveredLog> {
  const segments = await segmentNumbers(disk, log);
  const newestFirst: ScannedSegment[] = [];
  let head: SegmentHead | undefined;
  let headSegment = 0;
  for (const number of segments.toReversed()) {
    const scanned = await scanSegment(disk, log, number, keys, aside);
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

/** Compressed: names and epochs repeat, and where the quota is small a head is a good part of its segment. */
export const encodeHead = (head: SegmentHead): Uint8Array => deflateRawSync(JSON.stringify(head), { level: 1 });

function headOf(scan: ScannedSegment): SegmentHead | undefined {
  const first = scan.blocks[0];
  return first?.block === 0 ? (JSON.parse(inflateRawSync(first.payload).toString('utf8')) as SegmentHead) : undefined;
}

/** Whether a block lies before the length to which its segment was cut. */
export const counts = (found: FoundBlock, truncated: Record<string, number>): boolean =>
  found.offset + found.length <= (truncated[found.segment] ?? Number.POSITIVE_INFINITY);

/** A disk may fail and yet have removed a file: then there is nothing left to do. */
export async function unlessGone(remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
