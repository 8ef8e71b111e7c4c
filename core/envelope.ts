import type { Hash64, LaneKey } from './identity.ts';
import { type Range, rangeSetOf, subtract } from './ranges.ts';
import type { Reading } from './reading.ts';
import { sectionBytesOf } from './value.ts';

/** One record as it travels. Its position is implied: the next one of the envelope's range that was not given up. */
export type EnvelopeRecord = Reading;

/** Who speaks, and which positions of which lane it covers. */
export interface EnvelopeHeader extends LaneKey, Range {
  site: string;
  /** Positions within the range that will never come, sorted. */
  givenUp: readonly Range[];
  /** Of the journalled records of the range: tells a resend from another content under the same name. */
  hash: Hash64;
}

/** records.length = to − from − the positions given up. */
export interface Envelope {
  header: EnvelopeHeader;
  records: readonly EnvelopeRecord[];
}

export const MAX_ENVELOPE_RECORDS = 10_000;
/**
 * Different UTC days that the records of one envelope may lie on: each becomes an object of its own in the cloud, and a
 * few bytes of one record a day would ask for thousands.
 */
export const MAX_ENVELOPE_DAYS = 100;
/** IoT Core's limit for one payload; the hub keeps the same one. */
export const MAX_ENVELOPE_BYTES = 128 * 1024;
/**
 * What texts, JSON and samples of one envelope may expand to, 8 bytes a sample: a far side's memory must not depend on
 * how well something compresses.
 */
export const MAX_ENVELOPE_VALUE_BYTES = 1024 ** 2;

export const DECODE_ERRORS = ['undecodable', 'unsupported-version', 'too-large'] as const;
export type DecodeError = (typeof DECODE_ERRORS)[number];
export type DecodedEnvelope = { ok: true; envelope: Envelope } | { ok: false; reason: DecodeError; detail: string };

/** The positions that the envelope's records take, in order. */
export function* positionsOf(header: EnvelopeHeader): Generator<number> {
  let position = header.from;
  for (const hole of header.givenUp) {
    for (; position < hole.from; position++) yield position;
    position = hole.to;
  }
  for (; position < header.to; position++) yield position;
}

/** The positions of the range that have a record. */
export const liveRanges = (header: Pick<EnvelopeHeader, 'from' | 'to' | 'givenUp'>): readonly Range[] =>
  subtract([{ from: header.from, to: header.to }], rangeSetOf(header.givenUp));

const DAY_MS = 86_400_000;

/** How many of the first records lie on at most MAX_ENVELOPE_DAYS different days. */
export function countWithinDays(records: readonly Pick<EnvelopeRecord, 'ts'>[]): number {
  const days = new Set<number>();
  const over = records.findIndex(({ ts }) => days.add(Math.floor(ts / DAY_MS)).size > MAX_ENVELOPE_DAYS);
  return over < 0 ? records.length : over;
}

/** How many of the first records an envelope may hold by the bytes of their values, and by their days. */
export function countWithinBounds(records: readonly EnvelopeRecord[]): number {
  let left = MAX_ENVELOPE_VALUE_BYTES;
  const over = records.findIndex(({ value }) => {
    left -= sectionBytesOf(value);
    return left < 0;
  });
  return Math.min(over < 0 ? records.length : over, countWithinDays(records));
}

/**
 * The part of a header that covers the first `count` of its records; `hash` is the caller's to compute for them.
 *
 * @param count whole number from 1; the header itself if it has no more records than that
 */
export function cutHeader(header: EnvelopeHeader, count: number): EnvelopeHeader {
  let left = count;
  for (const part of liveRanges(header)) {
    if (left <= part.to - part.from) {
      const to = part.from + left;
      const givenUp = header.givenUp.filter((hole) => hole.from < to);
      return isLast(header, to) ? header : { ...header, to, givenUp };
    }
    left -= part.to - part.from;
  }
  return header;
}

/** Nothing but given-up positions follows: they go with the last record. */
const isLast = (header: EnvelopeHeader, to: number): boolean =>
  liveRanges({ ...header, from: to, givenUp: header.givenUp.filter((hole) => hole.from >= to) }).length === 0;
