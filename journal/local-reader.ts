import type { Epoch } from '../core/identity.ts';
import { decodeLanes, decodeTimes, LOCAL_LANE } from './commit-codec.ts';
import type { OpenJournal } from './open-journal.ts';
import { type PulledNote, wasPulled } from './pulled.ts';
import { readRecords } from './record-codec.ts';
import { counts } from './segment-files.ts';
import { holdsLocal, type SegmentSpan } from './spans.ts';

/** Which of the records that stayed local are wanted: of these series, fromTs ≤ time as journalled < toTs (ms). */
export interface LocalRequest {
  series: readonly number[];
  /** Of these, and of the others, it is counted how many there are. */
  counted: readonly number[];
  fromTs: number;
  toTs: number;
  /** Records that one of these explains are passed over. */
  pulled: readonly PulledNote[];
  /** Where the last page ended. @default the oldest record on disk */
  after?: LocalCursor | undefined;
  /** Wanted records of a page, at least one. */
  maxRecords: number;
  /** Of a page, not counting its last record. */
  maxBytes: number;
}

/** How far a reading has come, and where it ends: what was there when it began. */
export interface LocalCursor {
  segment: number;
  position: number;
  endSegment: number;
  endPosition: number;
}

/** Local positions [from, to) of one segment; all zero if there is none. */
export interface LocalResult {
  segment: number;
  epoch: Epoch;
  from: number;
  to: number;
  /** The wanted ones, in their order, block by block. */
  parts: readonly LocalPart[];
  /** Of the series and times asked for, but pulled before. */
  pulledBefore: number;
  /** Of the series that are counted: neither wanted nor pulled before. */
  others: number;
  /** On no readable block. */
  missing: number;
  /** Undefined: that was all. */
  next: LocalCursor | undefined;
}
export interface LocalPart {
  wallMs: number;
  monotonicMs: number;
  count: number;
  bytes: Uint8Array;
}

/** One page of what stayed local. A segment that was recycled since the last page is passed over: it aged out. */
export async function readLocal({ spans, log }: OpenJournal, request: LocalRequest): Promise<LocalResult> {
  const local = spans.filter(holdsLocal);
  const end = request.after ?? endOf(local);
  const start = request.after ?? { segment: -1, position: 0 };
  const span = local.find(
    ({ segment, end: ends }) =>
      segment <= end.endSegment &&
      (segment > start.segment || (segment === start.segment && ends[LOCAL_LANE]! > start.position)),
  );
  const from = span && (span.segment === start.segment ? start.position : span.start[LOCAL_LANE]!);
  const limit = span && (span.segment === end.endSegment ? end.endPosition : span.end[LOCAL_LANE]!);
  if (!span || from === undefined || limit === undefined || from >= limit) return NOTHING;
  const page = createPage(request, span.epoch);
  const { blocks } = await log.scan(span.segment);
  let next = from;
  for (const block of blocks) {
    if (block.kind !== 'commit' || block.block === 0 || !counts(block, log.truncated)) continue;
    const lane = decodeLanes(block.payload).find((one) => one.lane === LOCAL_LANE);
    if (!lane || lane.first + lane.count <= next || lane.first >= limit) continue;
    page.miss(Math.max(0, lane.first - next));
    next = page.take(block.payload, lane, Math.max(next, lane.first), limit);
    if (page.full()) break;
  }
  if (!page.full()) {
    page.miss(Math.max(0, limit - next));
    next = limit;
  }
  const { endSegment, endPosition } = end;
  const isLast = span.segment === endSegment && next >= endPosition;
  return {
    ...page.result(),
    segment: span.segment,
    epoch: span.epoch,
    from,
    to: next,
    next: isLast ? undefined : { segment: span.segment, position: next, endSegment, endPosition },
  };
}

const NOTHING: LocalResult = {
  segment: 0,
  epoch: '',
  from: 0,
  to: 0,
  parts: [],
  pulledBefore: 0,
  others: 0,
  missing: 0,
  next: undefined,
};

function endOf(local: readonly SegmentSpan[]): Pick<LocalCursor, 'endSegment' | 'endPosition'> {
  const last = local.at(-1);
  return { endSegment: last?.segment ?? -1, endPosition: last?.end[LOCAL_LANE] ?? 0 };
}

function createPage({ series, counted, fromTs, toTs, pulled, maxRecords, maxBytes }: LocalRequest, epoch: Epoch) {
  const wanted = new Set(series);
  const known = new Set([...series, ...counted]);
  const parts: LocalPart[] = [];
  const found = { pulledBefore: 0, others: 0, missing: 0 };
  let records = 0;
  let bytes = 0;
  const full = (): boolean => records >= maxRecords || bytes >= maxBytes;
  return {
    full,
    miss(positions: number): void {
      found.missing += positions;
    },
    /** Takes records of a block's lane from position `from` on; returns where it stopped. */
    take(payload: Uint8Array, lane: { first: number; bytes: Uint8Array }, from: number, limit: number): number {
      const { wallMs, monotonicMs } = decodeTimes(payload);
      const chosen: Uint8Array[] = [];
      let position = lane.first;
      for (const { record, offset, length } of readRecords(lane.bytes)) {
        if (full() || position >= limit) break;
        const at = position++;
        if (at < from || !known.has(record.series)) continue;
        const isWanted = wanted.has(record.series) && fromTs <= record.ts && record.ts < toTs;
        if (wasPulled(pulled, epoch, at, record)) found.pulledBefore += isWanted ? 1 : 0;
        else if (!isWanted) found.others++;
        else {
          chosen.push(lane.bytes.subarray(offset, offset + length));
          records++;
          bytes += length;
        }
      }
      // A copy: a view would take the whole segment with it to another thread.
      if (chosen.length > 0)
        parts.push({ wallMs, monotonicMs, count: chosen.length, bytes: new Uint8Array(Buffer.concat(chosen)) });
      return position;
    },
    result: () => ({ ...found, parts }),
  };
}
