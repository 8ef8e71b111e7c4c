import type { Epoch } from '../core/identity.ts';
import { type Range, rangeSetOf, subtract } from '../core/ranges.ts';
import type { BlockKind } from './block.ts';
import { type CarriedPart, decodeCarried } from './carried-codec.ts';
import { type IndexedRange, inOneBuffer, rangeOf, viewOf } from './carried-part.ts';
import { decodeLanes, decodeTimes, LOCAL_LANE } from './commit-codec.ts';
import type { ReadPart, ReadRequest, ReadResult } from './journal-port.ts';
import { counts } from './segment-files.ts';
import type { LogPlace, SegmentLog } from './segment-log.ts';
import type { SegmentSpan } from './spans.ts';

/** Where a block lies and what it holds. */
interface IndexedBlock {
  offset: number;
  length: number;
  kind: BlockKind;
  epoch: Epoch;
  ranges: readonly IndexedRange[];
}
interface Place {
  segment: number;
  block: IndexedBlock;
}

export interface LaneReader {
  /** `missing` names whatever is on no readable block, whether or not it has a fate. */
  read(request: Omit<ReadRequest, 'leaseMs'>): Promise<ReadResult>;
  /** Everything in a segment that is to travel, block by block. */
  partsIn(segment: number): AsyncGenerator<CarriedPart[]>;
  /** Tells the reader of a block that was just written, so that it needs no scan. */
  noteBlock(place: LogPlace, block: Pick<IndexedBlock, 'kind' | 'epoch' | 'ranges'>): void;
}

/** Blocks of older segments whose index is kept: a lane that is read on seldom needs another segment. */
const KEPT_BLOCKS = 5_000;
/** Small blocks that lie side by side are read so many bytes at a time. */
const STRETCH_BYTES = 128 * 1024;

interface Payloads {
  segment: number;
  byOffset: ReadonlyMap<number, Uint8Array>;
}
const NO_PAYLOADS: Payloads = { segment: -1, byOffset: new Map() };

/**
 * Finds records by position, in the segment they were committed to or one they were carried into. The index of the segment
 * being written grows with it; of the older ones a few are held, and the payloads of one (delivery runs in order) and of
 * the stretch read last, so memory does not grow with the backlog.
 */
export function createLaneReader(log: SegmentLog, spans: readonly SegmentSpan[]): LaneReader {
  let current: { segment: number; blocks: IndexedBlock[] } = { segment: -1, blocks: [] };
  const indexes = new Map<number, IndexedBlock[]>();
  let scanned = NO_PAYLOADS;
  let stretch = NO_PAYLOADS;

  const blocksOf = async (segment: number): Promise<readonly IndexedBlock[]> => {
    if (segment === current.segment) return current.blocks;
    const known = indexes.get(segment);
    if (known) return known;
    const { blocks } = await log.scan(segment);
    const own = blocks.filter((block) => block.block > 0 && counts(block, log.truncated));
    scanned = { segment, byOffset: new Map(own.map(({ offset, payload }) => [offset, payload])) };
    const index = own.map(({ offset, length, kind, epoch, payload }) => ({
      offset,
      length,
      kind,
      epoch,
      ranges: partsOf(kind, epoch, payload).map(rangeOf),
    }));
    keepIndex(segment, index);
    return index;
  };

  const keepIndex = (segment: number, index: IndexedBlock[]): void => {
    indexes.set(segment, index);
    let blocks = [...indexes.values()].reduce((sum, one) => sum + one.length, 0);
    for (const [oldest, { length }] of indexes) {
      if (blocks <= KEPT_BLOCKS || oldest === segment) break;
      indexes.delete(oldest);
      blocks -= length;
    }
  };

  /** What is in the first of these; those behind it are likely to be asked for next. */
  const partsAt = async (places: readonly Place[], first = 0): Promise<CarriedPart[]> => {
    const { segment, block } = places[first]!;
    const known = [scanned, stretch].find((one) => one.segment === segment && one.byOffset.has(block.offset));
    if (!known) await readStretch(places, first);
    const payload = (known ?? stretch).byOffset.get(block.offset);
    return payload ? partsOf(block.kind, block.epoch, payload) : [];
  };

  const readStretch = async (places: readonly Place[], first: number): Promise<void> => {
    const { segment, block } = places[first]!;
    let end = block.offset + block.length;
    for (let next = first + 1; next < places.length && end - block.offset < STRETCH_BYTES; next++) {
      const place = places[next]!;
      if (place.segment !== segment || place.block.offset !== end) break;
      end += place.block.length;
    }
    const found = await log.read({ segment, offset: block.offset, length: end - block.offset });
    stretch = { segment, byOffset: new Map(found.map(({ offset, payload }) => [block.offset + offset, payload])) };
  };

  /** Blocks that hold any of the wanted positions, by position. */
  const placesOf = async (request: Wanted): Promise<(Place & { range: Range })[]> => {
    const places: (Place & { range: Range })[] = [];
    for (const span of spans) {
      if (!mayHold(span, request)) continue;
      for (const block of await blocksOf(span.segment)) {
        for (const range of block.ranges) {
          if (isWanted(range, request)) places.push({ segment: span.segment, block, range });
        }
      }
    }
    return places.sort((a, b) => a.range.from - b.range.from);
  };

  const read: LaneReader['read'] = async (request) => {
    const parts: ReadPart[] = [];
    let next = request.from;
    let records = 0;
    let bytes = 0;
    let to = request.to;
    const places = await placesOf(request);
    for (const [index, place] of places.entries()) {
      if (place.range.to <= next) continue; // carried on, and the old segment is still there
      if (records >= request.maxRecords || bytes >= request.maxBytes) {
        to = Math.max(next, place.range.from);
        break;
      }
      const from = Math.max(next, place.range.from);
      const end = Math.min(request.to, place.range.to, from + request.maxRecords - records);
      const found = (await partsAt(places, index)).find((part) =>
        isWanted(rangeOf(part), { ...request, from, to: end }),
      );
      if (!found) continue; // damaged since it was indexed; another copy may follow
      parts.push(viewOf(found, from, end));
      records += end - from;
      bytes += parts.at(-1)!.bytes.length;
      next = end;
      if (end < Math.min(place.range.to, request.to)) {
        to = end;
        break;
      }
    }
    return { to, parts: inOneBuffer(parts), missing: subtract([{ from: request.from, to }], rangeSetOf(parts)) };
  };

  return {
    read,
    async *partsIn(segment) {
      for (const block of await blocksOf(segment)) yield await partsAt([{ segment, block }]);
    },
    noteBlock({ segment, offset, length }, block) {
      if (segment !== current.segment) {
        if (current.segment >= 0) keepIndex(current.segment, current.blocks);
        current = { segment, blocks: [] };
      }
      current.blocks.push({ offset, length, ...block });
    },
  };
}

/** What of a block is to travel, whichever kind it is of. */
function partsOf(kind: BlockKind, epoch: Epoch, payload: Uint8Array): CarriedPart[] {
  if (kind === 'carried') return decodeCarried(payload);
  const { wallMs, monotonicMs, ageMs } = decodeTimes(payload);
  return decodeLanes(payload).flatMap(({ lane, first, count, bytes }) =>
    lane === LOCAL_LANE ? [] : [{ epoch, lane, first, count, wallMs, monotonicMs, ageMs, bytes }],
  );
}

interface Wanted extends Range {
  epoch: Epoch;
  lane: number;
}

/** An empty range overlaps nothing, wherever it lies. */
const overlaps = (a: Range, b: Range): boolean => Math.max(a.from, b.from) < Math.min(a.to, b.to);

const isWanted = (range: IndexedRange, wanted: Wanted): boolean =>
  range.epoch === wanted.epoch && range.lane === wanted.lane && overlaps(range, wanted);

const mayHold = (span: SegmentSpan, wanted: Wanted): boolean => !span.released && holds(span, wanted);

const holds = (span: SegmentSpan, wanted: Wanted): boolean =>
  span.carried.some((range) => isWanted(range, wanted)) ||
  (span.epoch === wanted.epoch && overlaps({ from: span.start[wanted.lane]!, to: span.end[wanted.lane]! }, wanted));
