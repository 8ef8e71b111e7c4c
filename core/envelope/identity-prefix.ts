import { crc32 } from 'node:zlib';
import { EPOCH_PATTERN, type LaneKey, PRODUCER_PATTERN } from '../identity.ts';
import { isLane } from '../priority.ts';
import type { Range } from '../ranges.ts';
import { type ByteReader, createReader, fail, readByte, readBytes, readText, readVarint } from './byte-reader.ts';
import { type ByteWriter, createWriter, writeByte, writeBytes, writeText, writeVarint } from './byte-writer.ts';

/** Whose positions an envelope covers. */
export interface EnvelopeIdentity extends LaneKey, Range {
  version: number;
}

const MAGIC = Buffer.from('HW');
const MAX_PREFIX_BYTES = 512;
/** Thing names of IoT Core allow these characters and this length; none of them means anything in a topic or path. */
const NODE = /^[\w.:@-]{1,128}$/;

export const isEnvelope = (bytes: Uint8Array): boolean => bytes[0] === MAGIC[0] && bytes[1] === MAGIC[1];

/**
 * `HW`, version, length, identity, 16 bits of a CRC over all of it. It is the same in every version, so that a far
 * side can refuse by name what it cannot decode; later versions append fields and readers skip them.
 */
export function writeIdentity(writer: ByteWriter, identity: EnvelopeIdentity): void {
  if (identity.from < 0 || identity.from >= identity.to || identity.to > Number.MAX_SAFE_INTEGER) {
    throw new RangeError(`range ${identity.from} to ${identity.to}, allowed from < to, both from 0 to 2^53 − 1`);
  }
  const start = writer.length;
  const fields = createWriter(256);
  writeText(fields, checked('node', identity.node, NODE));
  writeText(fields, checked('producer', identity.producer, PRODUCER_PATTERN));
  writeBytes(fields, Buffer.from(checked('epoch', identity.epoch, EPOCH_PATTERN), 'hex'));
  writeByte(fields, identity.lane);
  writeVarint(fields, identity.from);
  writeVarint(fields, identity.to - identity.from);

  writeBytes(writer, MAGIC);
  writeByte(writer, identity.version);
  writeVarint(writer, fields.length);
  writeBytes(writer, fields.bytes.subarray(0, fields.length));
  const check = crc32(writer.bytes.subarray(start, writer.length)) & 0xffff;
  writeByte(writer, check & 0xff);
  writeByte(writer, check >>> 8);
}

/** Reads on to the end of the prefix; look at `reader.problem` before using what it gives. */
export function readIdentity(reader: ByteReader): EnvelopeIdentity {
  if (!readBytes(reader, 2).equals(MAGIC)) fail(reader, 'no envelope');
  const version = readByte(reader);
  const length = readVarint(reader);
  if (length > MAX_PREFIX_BYTES) fail(reader, `identity of ${length} bytes, allowed ${MAX_PREFIX_BYTES}`);
  const fields = createReader(readBytes(reader, length));
  const check = crc32(reader.bytes.subarray(0, reader.at)) & 0xffff;
  if ((readByte(reader) | (readByte(reader) << 8)) !== check) fail(reader, 'identity checksum differs');

  const node = readText(fields, 128);
  const producer = readText(fields, 64);
  const epoch = readBytes(fields, 8).toString('hex');
  const laneByte = readByte(fields);
  const from = readVarint(fields);
  const to = from + readVarint(fields);
  if (!NODE.test(node) || !PRODUCER_PATTERN.test(producer)) fail(fields, 'node or producer is no name');
  const lane = isLane(laneByte) ? laneByte : 0;
  if (lane !== laneByte) fail(fields, `lane ${laneByte}, allowed 0 to 3`);
  if (from >= to || to > Number.MAX_SAFE_INTEGER) fail(fields, `range ${from} to ${to}`);
  if (fields.problem !== undefined) fail(reader, `identity: ${fields.problem}`);
  return { version, node, producer, epoch, lane, from, to };
}

/** What can be said of an envelope that cannot be decoded; undefined if not even that. Never throws. */
export function peekIdentity(bytes: Uint8Array): EnvelopeIdentity | undefined {
  const reader = createReader(bytes);
  const identity = readIdentity(reader);
  return reader.problem === undefined ? identity : undefined;
}

function checked(what: string, value: string, allowed: RegExp): string {
  if (allowed.test(value)) return value;
  throw new RangeError(`${what} ${JSON.stringify(value.slice(0, 200))}, allowed ${allowed.source}`);
}
