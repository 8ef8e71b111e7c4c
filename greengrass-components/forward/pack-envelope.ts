import type { EnvelopeCoding } from '../../core/byte-codec.ts';
import {
  countWithinBounds,
  type EnvelopeHeader,
  type EnvelopeRecord,
  MAX_ENVELOPE_BYTES,
} from '../../core/envelope.ts';
import { fitEnvelope } from '../../core/envelope-codec.ts';
import { type Epoch, PRODUCER } from '../../core/identity.ts';
import { jsonBytesOf } from '../../core/json-size.ts';
import type { Lane } from '../../core/priority.ts';
import { addRanges, NO_RANGES, type Range, type RangeSet, rangeSetOf, subtract } from '../../core/ranges.ts';
import { isWithinValueBounds } from '../../core/value.ts';
import type { ReadPart, ReadResult } from '../../journal/journal-port.ts';
import { hashRecords, readRecords } from '../../journal/record-codec.ts';

export interface SeriesName {
  device: string;
  stream: string;
}
/** Undefined: every block that said whose number it is has rotted. */
export type NameOfSeries = (series: number) => SeriesName | undefined;

export interface Packing {
  /** Undefined if there is nothing to send. */
  envelope: PackedEnvelope | undefined;
  /** Positions that nobody knows the stream of: they are as good as unreadable. */
  unnamed: RangeSet;
  /** Positions of records that no envelope can hold. */
  tooLarge: RangeSet;
}

const NOTHING: Packing = { envelope: undefined, unnamed: NO_RANGES, tooLarge: NO_RANGES };

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
 * a missing one travel apart, and so do those on both sides of one without a name, or too large.
 *
 * @param maxBytes of the envelope; default and most: MAX_ENVELOPE_BYTES
 */
export function packEnvelope(
  read: Pick<ReadResult, 'parts'>,
  origin: Origin,
  nameOf: NameOfSeries,
  coding: EnvelopeCoding,
  maxBytes: number = MAX_ENVELOPE_BYTES,
): Packing {
  const readable = contiguous(read.parts);
  const first = readable[0];
  if (!first) return NOTHING;
  const leavingOut = (unnamed: RangeSet, tooLarge: RangeSet): Packing => {
    const others = { parts: withoutPositions(read.parts, addRanges(unnamed, tooLarge)) };
    const rest = packEnvelope(others, origin, nameOf, coding, maxBytes);
    return { ...rest, unnamed: addRanges(rest.unnamed, unnamed), tooLarge: addRanges(rest.tooLarge, tooLarge) };
  };
  const barred: Barred = { unnamed: [], tooLarge: [] };
  const all = readable.flatMap((part) => rowsOf(part, origin, nameOf, barred));
  if (barred.unnamed.length + barred.tooLarge.length > 0) {
    return leavingOut(rangeSetOf(barred.unnamed), rangeSetOf(barred.tooLarge));
  }
  const rows = all.slice(0, countWithinBounds(all));
  const to = first.from + rows.length;
  const parts = cutParts(readable, to);
  const header = headerOf(origin, { from: first.from, to }, parts);
  const fit = fitEnvelope(header, rows, coding, maxBytes);
  if (fit.encoded) return { ...NOTHING, envelope: packed(header, fit.encoded, rows, parts) };
  if (fit.count === 0) return leavingOut(NO_RANGES, [{ from: first.from, to: first.from + 1 }]);
  const cut = cutParts(parts, first.from + fit.count);
  const cutHeader = headerOf(origin, { from: first.from, to: first.from + fit.count }, cut);
  const cutRows = rows.slice(0, fit.count);
  const { encoded } = fitEnvelope(cutHeader, cutRows, coding, maxBytes);
  return { ...NOTHING, envelope: packed(cutHeader, encoded!, cutRows, cut) };
}

/** Positions of records that cannot travel. */
interface Barred {
  unnamed: Range[];
  tooLarge: Range[];
}

/** @param barred what cannot travel is added here */
function rowsOf(part: ReadPart, { clockOffsetMs }: Origin, nameOf: NameOfSeries, barred: Barred): EnvelopeRecord[] {
  const wrongByMs = clockOffsetMs === undefined ? 0 : Math.round(clockOffsetMs - (part.wallMs - part.monotonicMs));
  // Named fields: objects made by rest and spread are slow to make, and slow to read afterwards.
  return readRecords(part.bytes).map(({ record: { series, ts, value, quality, clock } }, index): EnvelopeRecord => {
    const name = nameOf(series);
    const position = part.from + index;
    if (!name) barred.unnamed.push({ from: position, to: position + 1 });
    else if (!isWithinValueBounds(value)) barred.tooLarge.push({ from: position, to: position + 1 });
    const { device, stream } = name ?? NOBODY;
    return clock === 'unsynced' && clockOffsetMs !== undefined
      ? { device, stream, ts: ts + wrongByMs, value, quality, clock: 'synced' }
      : { device, stream, ts, value, quality, clock };
  });
}

/** Never travels: such rows are dropped with their positions. */
const NOBODY: SeriesName = { device: '', stream: '' };

const withoutPositions = (parts: readonly ReadPart[], gone: RangeSet): ReadPart[] =>
  parts.flatMap((part) => {
    const rest = subtract([part], gone);
    if (rest.length === 1 && rest[0]!.from === part.from && rest[0]!.to === part.to) return [part];
    const records = readRecords(part.bytes);
    return rest.map(({ from, to }) => {
      const last = records[to - 1 - part.from]!;
      const bytes = part.bytes.subarray(records[from - part.from]!.offset, last.offset + last.length);
      return { ...part, from, to, bytes };
    });
  });

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
