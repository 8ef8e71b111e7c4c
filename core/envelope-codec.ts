import { crc32 } from 'node:zlib';
import type { ByteCodec, EnvelopeCoding } from './byte-codec.ts';
import type { ValueBudget } from './envelope/byte-columns.ts';
import {
  type ByteReader,
  createReader,
  fail,
  readBytes,
  readCount,
  readText,
  readVarint,
} from './envelope/byte-reader.ts';
import {
  type ByteWriter,
  createWriter,
  writeBytes,
  writeText,
  writeUint32,
  writeVarint,
  writtenBytes,
} from './envelope/byte-writer.ts';
import { isEnvelope, peekIdentity, readIdentity, writeIdentity } from './envelope/identity-prefix.ts';
import { readRecords, writeRecords } from './envelope/record-columns.ts';
import {
  cutHeader,
  type DecodedEnvelope,
  type DecodeError,
  type Envelope,
  type EnvelopeHeader,
  type EnvelopeRecord,
  liveRanges,
  MAX_ENVELOPE_BYTES,
  MAX_ENVELOPE_RECORDS,
  MAX_ENVELOPE_VALUE_BYTES,
} from './envelope.ts';
import { countOf, type Range } from './ranges.ts';

/**
 * Version 1 of the envelope: identity (the same in every version), site, hash, given-up ranges, a table of the series,
 * one column each of series, times, traits, numbers and booleans, sections of bytes, CRC-32. Self-contained; only the
 * sections know a general compressor.
 */
export const ENVELOPE_VERSION = 1;
const CRC_BYTES = 4;
const MAX_SITE_BYTES = 255;
const HASH = /^[0-9a-f]{16}$/;

/**
 * The bytes of an envelope, at most MAX_ENVELOPE_BYTES. Texts must be well-formed Unicode.
 *
 * @param coding how its sections are compressed; default: not at all
 * @throws RangeError if it is larger (see `fitEnvelope`), or holds what no border lets through: more than
 * MAX_ENVELOPE_RECORDS records or MAX_ENVELOPE_VALUE_BYTES, a number of records that does not match the range, NaN, a
 * name, time or value out of bounds
 */
export function encodeEnvelope(envelope: Envelope, coding?: EnvelopeCoding): Uint8Array {
  const bytes = encode(envelope.header, envelope.records, coding);
  if (bytes.length <= MAX_ENVELOPE_BYTES) return bytes;
  throw new RangeError(`envelope of ${bytes.length} bytes, allowed ${MAX_ENVELOPE_BYTES}`);
}

/**
 * Never throws; time and memory are bounded by MAX_ENVELOPE_BYTES, MAX_ENVELOPE_RECORDS and MAX_ENVELOPE_VALUE_BYTES,
 * whatever the bytes are.
 */
export function decodeEnvelope(bytes: Uint8Array, codec: ByteCodec): DecodedEnvelope {
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    return refuse('too-large', `${bytes.length} bytes, allowed ${MAX_ENVELOPE_BYTES}`);
  }
  const reader = createReader(bytes);
  const { version, ...identity } = readIdentity(reader);
  if (reader.problem !== undefined) return refuse('undecodable', reader.problem);
  if (version !== ENVELOPE_VERSION)
    return refuse('unsupported-version', `version ${version}, known ${ENVELOPE_VERSION}`);
  const end = reader.bytes.length - CRC_BYTES;
  if (end < reader.at || crc32(reader.bytes.subarray(0, end)) !== reader.bytes.readUInt32LE(end)) {
    return refuse('undecodable', 'checksum differs');
  }
  reader.bytes = reader.bytes.subarray(0, end);

  const site = readText(reader, MAX_SITE_BYTES);
  const hash = readBytes(reader, 8).toString('hex');
  const givenUp = readGivenUp(reader, identity);
  const count = identity.to - identity.from - countOf(givenUp);
  if (reader.problem === undefined && count > MAX_ENVELOPE_RECORDS) {
    return refuse('too-large', `${count} records, allowed ${MAX_ENVELOPE_RECORDS}`);
  }
  const budget: ValueBudget = { left: MAX_ENVELOPE_VALUE_BYTES };
  const records = reader.problem === undefined ? readRecords(reader, count, codec, budget) : [];
  if (budget.left < 0) {
    return refuse('too-large', `values of more than ${MAX_ENVELOPE_VALUE_BYTES} bytes`);
  }
  if (reader.at !== end) fail(reader, `${end - reader.at} bytes too many`);
  if (reader.problem !== undefined) return refuse('undecodable', reader.problem);
  return { ok: true, envelope: { header: { ...identity, site, givenUp, hash }, records } };
}

/** What fits into a limit: all records, then already encoded, or only the first `count` of them. */
export interface Fit {
  count: number;
  encoded: Uint8Array | undefined;
}

/**
 * How many of the first records fit into `maxBytes` together; the rest needs another envelope (`cutHeader`, and the
 * hash of the records that remain). `count` 0 = not even the first one fits.
 *
 * @param records within the bounds that `countWithinBounds` tells
 * @param coding how sections are compressed; default: not at all
 * @param maxBytes default and most: MAX_ENVELOPE_BYTES
 */
export function fitEnvelope(
  header: EnvelopeHeader,
  records: readonly EnvelopeRecord[],
  coding?: EnvelopeCoding,
  maxBytes: number = MAX_ENVELOPE_BYTES,
): Fit {
  const limit = Math.min(maxBytes, MAX_ENVELOPE_BYTES);
  const all = encode(header, records, coding);
  if (all.length <= limit) return { count: records.length, encoded: all };
  let count = records.length;
  for (let size = all.length; size > limit && count > 0; ) {
    // In proportion to the excess, and a little less: names and first values weigh more in a smaller envelope.
    // Down to the first alone before it is said that not even that fits: the excess may be that of the second.
    count = count === 1 ? 0 : Math.max(1, Math.min(count - 1, Math.floor((count * limit * 0.97) / size)));
    if (count > 0) size = encode(cutHeader(header, count), records.slice(0, count), coding).length;
  }
  return { count: Math.max(0, count), encoded: undefined };
}

function encode(
  header: EnvelopeHeader,
  records: readonly EnvelopeRecord[],
  coding: EnvelopeCoding | undefined,
): Uint8Array {
  const live = countOf(liveRanges(header));
  if (records.length !== live) throw new RangeError(`${records.length} records for ${live} positions`);
  if (live > MAX_ENVELOPE_RECORDS) throw new RangeError(`${live} records, allowed ${MAX_ENVELOPE_RECORDS}`);
  const writer = createWriter(1_024 + records.length * 8);
  writeIdentity(writer, { ...header, version: ENVELOPE_VERSION });
  writeText(writer, header.site);
  if (!HASH.test(header.hash)) throw new RangeError(`hash ${header.hash}, allowed 16 hex digits`);
  writeBytes(writer, Buffer.from(header.hash, 'hex'));
  writeGivenUp(writer, header);
  writeRecords(writer, records, coding);
  writeUint32(writer, crc32(writer.bytes.subarray(0, writer.length)));
  return writtenBytes(writer);
}

/** Each range as the distance from the end of the one before, and its length. */
function writeGivenUp(writer: ByteWriter, header: EnvelopeHeader): void {
  writeVarint(writer, header.givenUp.length);
  let previous = header.from;
  for (const { from, to } of header.givenUp) {
    if (from < previous || to <= from || to > header.to) {
      throw new RangeError(`given up ${from} to ${to}, allowed sorted ranges within ${header.from} to ${header.to}`);
    }
    writeVarint(writer, from - previous);
    writeVarint(writer, to - from);
    previous = to;
  }
}

function readGivenUp(reader: ByteReader, { from, to }: Range): Range[] {
  const count = readCount(reader, reader.bytes.length - reader.at, 'given-up ranges');
  const ranges: Range[] = [];
  let previous = from;
  for (let index = 0; index < count && reader.problem === undefined; index++) {
    const start = previous + readVarint(reader);
    previous = start + readVarint(reader);
    if (previous <= start || previous > to) fail(reader, `given up ${start} to ${previous} of ${from} to ${to}`);
    ranges.push({ from: start, to: previous });
  }
  return ranges;
}

const refuse = (reason: DecodeError, detail: string): DecodedEnvelope => ({ ok: false, reason, detail });

export { isEnvelope, peekIdentity };
