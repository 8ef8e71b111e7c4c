import { BYTE_FORMATS, type ByteCodec, type ByteFormat, type EnvelopeCoding, FORMAT_OF } from '../byte-codec.ts';
import { MAX_ENVELOPE_RECORDS, MAX_ENVELOPE_VALUE_BYTES } from '../envelope.ts';
import {
  type ByteReader,
  createReader,
  fail,
  readByte,
  readBytes,
  readCount,
  readVarint,
  remaining,
} from './byte-reader.ts';
import { type ByteWriter, writeByte, writeBytes, writeVarint, writtenBytes } from './byte-writer.ts';

/** A column never takes more: beside its values' own bytes each record has a length and a scale. */
const MAX_SECTION_BYTES = MAX_ENVELOPE_VALUE_BYTES + 4 * MAX_ENVELOPE_RECORDS;

/**
 * Bytes of one kind together, compressed where that is asked for and saves something: format (1 byte), raw length, then
 * the bytes as they are, or the compressed length and the compressed bytes.
 */
export function writeSection(writer: ByteWriter, content: ByteWriter, coding: EnvelopeCoding | undefined): void {
  const raw = writtenBytes(content);
  if (raw.length > MAX_SECTION_BYTES) {
    throw new RangeError(`section of ${raw.length} bytes, allowed ${MAX_SECTION_BYTES}: see countWithinBounds`);
  }
  const packed = coding && compressed(raw, coding);
  const format: ByteFormat = packed ? FORMAT_OF[coding.compression] : 'raw';
  writeByte(writer, BYTE_FORMATS.indexOf(format));
  writeVarint(writer, raw.length);
  if (packed) writeVarint(writer, packed.length);
  writeBytes(writer, packed ?? raw);
}

/** The content of a section as a reader of its own; `endSection` hands its problem on. */
export function readSection(reader: ByteReader, codec: ByteCodec): ByteReader {
  const number = readByte(reader);
  const format = BYTE_FORMATS[number];
  if (format === undefined) fail(reader, `section of format ${number}, known ${BYTE_FORMATS.length - 1}`);
  const rawLength = readCount(reader, MAX_SECTION_BYTES, 'bytes of a section');
  if (format === undefined || format === 'raw') return createReader(readBytes(reader, rawLength));
  const packed = readBytes(reader, readVarint(reader));
  if (reader.problem !== undefined) return createReader(packed);
  const raw = codec.decompress(packed, format, rawLength);
  if (raw === undefined) fail(reader, `section is not ${rawLength} bytes of ${format}`);
  return createReader(raw ?? new Uint8Array(0));
}

/** Nothing may be left over. */
export function endSection(reader: ByteReader, section: ByteReader): void {
  if (remaining(section) > 0) fail(section, `${remaining(section)} bytes too many`);
  if (section.problem !== undefined) fail(reader, `section: ${section.problem}`);
}

/** Undefined where compressing saves nothing. */
function compressed(raw: Uint8Array, { codec, compression }: EnvelopeCoding): Uint8Array | undefined {
  if (compression === 'none') return undefined;
  const packed = codec.compress(raw, compression);
  return packed !== undefined && packed.length + LENGTH_BYTES < raw.length ? packed : undefined;
}

/** The compressed length takes at most so many. */
const LENGTH_BYTES = 3;
