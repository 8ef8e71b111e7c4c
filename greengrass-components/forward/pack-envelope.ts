import type { EnvelopeCoding } from '../../core/byte-codec.ts';
import { countWithinBounds, type EnvelopeHeader, type EnvelopeRecord } from '../../core/envelope.ts';
import { fitEnvelope } from '../../core/envelope-codec.ts';
import { type Epoch, PRODUCER } from '../../core/identity.ts';
import { jsonBytesOf } from '../../core/json-size.ts';
import type { Lane } from '../../core/priority.ts';
import type { Range } from '../../core/ranges.ts';
import type { ReadPart, ReadResult } from '../../journal/journal-port.ts';
import { hashRecords, readRecords } from '../../journal/record-codec.ts';

export interface SeriesName {
  device: string;
  stream: string;
}

export interface PackedEnvelope {
  range: Range;
  payload: Uint8Array;
  jsonBytes: number;
  /** How many of its records were committed when (monotonic ms). */
  commits: { count: number; atMs: number }[];
}

interface Origin {
  node: string;
  site: string;
  epoch: Epoch;
  lane: Lane;
  /**
   * Wall clock minus monotonic clock, once the wall clock is synchronised and if the records are of this process;
   * corrects the times of records that were stamped before (docs/adr/0004-time.md).
   */
  clockOffsetMs: number | undefined;
}

/**
 * The envelope of the first records read, as many as one may hold. It never spans a hole: positions on both sides of
 * a missing one travel apart. Undefined if there is nothing to send.
 */
export function packEnvelope(
  read: ReadResult,
  origin: Origin,
  nameOf: (series: number) => SeriesName,
  coding: EnvelopeCoding,
): PackedEnvelope | undefined {
  const readable = contiguous(read.parts);
  const first = readable[0];
  if (!first) return undefined;
  const all = readable.flatMap((part) => rowsOf(part, origin, nameOf));
  const rows = all.slice(0, countWithinBounds(all));
  const to = first.from + rows.length;
  const parts = cutParts(readable, to);
  const header = headerOf(origin, { from: first.from, to }, parts);
  const fit = fitEnvelope(header, rows, coding);
  if (fit.encoded) return packed(header, fit.encoded, rows, parts);
  if (fit.count === 0)
    throw new Error(`record at position ${first.from} of lane ${origin.lane} is larger than an envelope`);
  const cut = cutParts(parts, first.from + fit.count);
  const cutHeader = headerOf(origin, { from: first.from, to: first.from + fit.count }, cut);
  const cutRows = rows.slice(0, fit.count);
  return packed(cutHeader, fitEnvelope(cutHeader, cutRows, coding).encoded!, cutRows, cut);
}

function rowsOf(part: ReadPart, { clockOffsetMs }: Origin, nameOf: (series: number) => SeriesName): EnvelopeRecord[] {
  const wrongByMs = clockOffsetMs === undefined ? 0 : Math.round(clockOffsetMs - (part.wallMs - part.monotonicMs));
  // Named fields: objects made by rest and spread are slow to make, and slow to read afterwards.
  return readRecords(part.bytes).map(({ record: { series, ts, value, quality, clock } }): EnvelopeRecord => {
    const { device, stream } = nameOf(series);
    return clock === 'unsynced' && clockOffsetMs !== undefined
      ? { device, stream, ts: ts + wrongByMs, value, quality, clock: 'synced' }
      : { device, stream, ts, value, quality, clock };
  });
}

function contiguous(parts: readonly ReadPart[]): ReadPart[] {
  const hole = parts.findIndex((part, index) => index > 0 && part.from !== parts[index - 1]!.to);
  return hole < 0 ? [...parts] : parts.slice(0, hole);
}

function headerOf({ node, site, epoch, lane }: Origin, range: Range, parts: readonly ReadPart[]): EnvelopeHeader {
  const hash = hashRecords(parts.map(({ bytes }) => bytes));
  return { node, site, producer: PRODUCER, epoch, lane, ...range, givenUp: [], hash };
}

function packed(
  header: EnvelopeHeader,
  payload: Uint8Array,
  rows: readonly EnvelopeRecord[],
  parts: readonly ReadPart[],
): PackedEnvelope {
  return {
    range: { from: header.from, to: header.to },
    payload,
    jsonBytes: jsonBytesOf(rows),
    commits: parts.map(({ from, to, monotonicMs }) => ({ count: to - from, atMs: monotonicMs })),
  };
}

/** The parts up to a position. */
function cutParts(parts: readonly ReadPart[], end: number): ReadPart[] {
  return parts.flatMap((part) => {
    if (part.from >= end) return [];
    if (part.to <= end) return [part];
    const next = readRecords(part.bytes)[end - part.from]!;
    return [{ ...part, to: end, bytes: part.bytes.subarray(0, next.offset) }];
  });
}
