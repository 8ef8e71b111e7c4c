import type { Disk } from '../core/ports.ts';
import { type Range, type RangeSet, rangeSetOf, subtract } from '../core/ranges.ts';
import { scanBlocks } from './block.ts';
import { type CommittedLane, decodeLanes, decodeTimes } from './commit-codec.ts';
import type { ReadPart, ReadRequest, ReadResult } from './journal-port.ts';
import { RECORDS_LOG } from './journal-snapshot.ts';
import { readRecords } from './record-codec.ts';
import { counts, type LogPlace, type SegmentLog, scanSegment, segmentFile } from './segment-log.ts';
import type { SegmentSpan } from './spans.ts';

/** Where a block lies and which positions it holds; with its payload if it was just scanned. */
interface IndexedBlock {
  offset: number;
  length: number;
  lanes: readonly (Range & { lane: number })[];
  payload: Uint8Array | undefined;
}

export interface LaneReader {
  read(request: ReadRequest): Promise<ReadResult>;
  /** Tells the reader of a block that was just written, so that it needs no scan. */
  noteBlock(place: LogPlace, lanes: readonly CommittedLane[]): void;
}

/**
 * Finds records by position. The index of the segment being written grows with it; of the older ones only the one
 * read last is held (delivery runs in order), so memory does not grow with the backlog.
 */
export function createLaneReader(disk: Disk, log: SegmentLog, spans: readonly SegmentSpan[]): LaneReader {
  let current: { segment: number; blocks: IndexedBlock[] } = { segment: -1, blocks: [] };
  let scanned: { segment: number; blocks: IndexedBlock[] } = { segment: -1, blocks: [] };

  const blocksOf = async (segment: number): Promise<readonly IndexedBlock[]> => {
    if (segment === current.segment) return current.blocks;
    if (segment !== scanned.segment) scanned = { segment, blocks: await scan(segment) };
    return scanned.blocks;
  };

  const scan = async (segment: number): Promise<IndexedBlock[]> => {
    const { blocks } = await scanSegment(disk, RECORDS_LOG, segment);
    return blocks
      .filter((block) => block.block > 0 && counts(block, log.truncated))
      .map(({ offset, length, payload }) => ({ offset, length, payload, lanes: rangesOf(decodeLanes(payload)) }));
  };

  const payloadOf = async (segment: number, block: IndexedBlock): Promise<Uint8Array | undefined> => {
    if (block.payload) return block.payload;
    const bytes = await disk.read(segmentFile(RECORDS_LOG, segment), block.offset, block.length);
    return scanBlocks(bytes, segment).blocks[0]?.payload;
  };

  const read = async (request: ReadRequest): Promise<ReadResult> => {
    const parts: ReadPart[] = [];
    let records = 0;
    let bytes = 0;
    let to = request.to;
    reading: for (const span of spans) {
      if (span.epoch !== request.epoch || !overlaps(rangeIn(span, request.lane), request)) continue;
      for (const block of await blocksOf(span.segment)) {
        const range = block.lanes.find(({ lane }) => lane === request.lane);
        if (!range || !overlaps(range, request)) continue;
        if (records >= request.maxRecords || bytes >= request.maxBytes) {
          to = Math.max(request.from, range.from);
          break reading;
        }
        const payload = await payloadOf(span.segment, block);
        if (!payload) continue;
        const wanted = {
          ...request,
          to: Math.min(request.to, Math.max(request.from, range.from) + request.maxRecords - records),
        };
        const part = partOf(payload, wanted);
        parts.push(part);
        records += part.to - part.from;
        bytes += part.bytes.length;
        if (part.to < Math.min(range.to, request.to)) {
          to = part.to;
          break reading;
        }
      }
    }
    const missing: RangeSet = subtract([{ from: request.from, to }], rangeSetOf(parts));
    return { to, parts, missing };
  };

  return {
    read,
    noteBlock({ segment, offset, length }, lanes) {
      if (segment !== current.segment) current = { segment, blocks: [] };
      current.blocks.push({ offset, length, lanes: rangesOf(lanes), payload: undefined });
    },
  };
}

const rangesOf = (lanes: readonly CommittedLane[]): (Range & { lane: number })[] =>
  lanes.map(({ lane, first, count }) => ({ lane, from: first, to: first + count }));

const rangeIn = (span: SegmentSpan, lane: number): Range => ({ from: span.start[lane]!, to: span.end[lane]! });

const overlaps = (a: Range, b: Range): boolean => a.from < b.to && b.from < a.to;

/** The records of a block that the request wants. */
function partOf(payload: Uint8Array, request: ReadRequest): ReadPart {
  const lane = decodeLanes(payload).find((candidate) => candidate.lane === request.lane)!;
  const from = Math.max(lane.first, request.from);
  const to = Math.min(lane.first + lane.count, request.to);
  const times = decodeTimes(payload);
  // Copies, not views: a view would take the whole segment with it to another thread.
  if (to - from === lane.count) return { from, to, ...times, bytes: new Uint8Array(lane.bytes) };
  const records = readRecords(lane.bytes);
  const start = records[from - lane.first]!.offset;
  const last = records[to - 1 - lane.first]!;
  return { from, to, ...times, bytes: new Uint8Array(lane.bytes.subarray(start, last.offset + last.length)) };
}
