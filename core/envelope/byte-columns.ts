import type { ByteCodec, EnvelopeCoding } from '../byte-codec.ts';
import { isCanonicalObject } from '../canonical-json.ts';
import type { EnvelopeRecord } from '../envelope.ts';
import {
  type JsonText,
  MAX_ARRAY_SAMPLES,
  MAX_JSON_BYTES,
  MAX_JSON_DEPTH,
  MAX_LOG_BYTES,
  sectionBytesOf,
  type Value,
} from '../value.ts';
import { type ByteReader, decodeText, fail, readByte, readBytes, readCount } from './byte-reader.ts';
import { endSection, readSection, writeSection } from './byte-section.ts';
import { type ByteWriter, createWriter, writeByte, writeBytes, writeFloat64, writeVarint } from './byte-writer.ts';
import { RAW, scaledDown, scaledUp, scaleOf } from './decimal.ts';
import { readIntegers, writeIntegers } from './integer-column.ts';
import { KINDS, type Kind } from './traits-column.ts';
import { finite, type Grouped, readFinite } from './value-columns.ts';

/** Bytes that the values may still expand to; below 0 they are refused. */
export interface ValueBudget {
  left: number;
}

type OfKind = (kind: Kind) => Grouped;

/** A section each for texts, JSON and arrays, where the envelope has any of them. */
export function writeByteColumns(
  writer: ByteWriter,
  ofKind: OfKind,
  records: readonly EnvelopeRecord[],
  coding: EnvelopeCoding | undefined,
): void {
  const section = (kind: Kind, write: (content: ByteWriter, values: Value[]) => void): void => {
    const group = ofKind(kind);
    if (group.records.length === 0) return;
    const content = createWriter();
    write(
      content,
      Array.from(group.records, (record) => records[record]!.value),
    );
    writeSection(writer, content, coding);
  };
  section(KINDS.text, (content, values) => writeTexts(content, values as string[], MAX_LOG_BYTES));
  section(KINDS.json, (content, values) => {
    const texts = (values as JsonText[]).map(({ json }) => json);
    writeTexts(content, texts, MAX_JSON_BYTES);
  });
  section(KINDS.array, (content, values) => {
    for (const samples of values as (readonly number[])[]) writeSamples(content, samples);
  });
}

export function readByteColumns(
  reader: ByteReader,
  ofKind: OfKind,
  values: Value[],
  codec: ByteCodec,
  budget: ValueBudget,
): void {
  const section = (kind: Kind, read: (content: ByteReader) => () => Value): void => {
    const { records } = ofKind(kind);
    if (records.length === 0 || reader.problem !== undefined) return;
    const content = readSection(reader, codec);
    const next = read(content);
    for (const record of records) {
      const value = next();
      // A text that is only repeated, and a run of zeros, take no bytes here and do take memory later.
      budget.left -= sectionBytesOf(value);
      if (content.problem !== undefined || budget.left < 0) break;
      values[record] = value;
    }
    if (budget.left < 0) fail(content, 'values too large');
    endSection(reader, content);
  };
  section(KINDS.text, (content) => readTexts(content, MAX_LOG_BYTES));
  section(KINDS.json, (content) => {
    const next = readTexts(content, MAX_JSON_BYTES, isEnvelopeJson);
    return () => ({ json: next() });
  });
  section(KINDS.array, (content) => () => readSamples(content));
}

const isEnvelopeJson = (json: string): boolean =>
  isCanonicalObject(json, { maxBytes: MAX_JSON_BYTES, maxDepth: MAX_JSON_DEPTH });

/** Length + 1 and UTF-8; 0 = as the text before: a machine's state holds for hours. */
function writeTexts(writer: ByteWriter, texts: readonly string[], maxBytes: number): void {
  let previous: string | undefined;
  for (const text of texts) {
    if (text === previous) {
      writeVarint(writer, 0);
      continue;
    }
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > maxBytes) {
      throw new RangeError(`text of ${bytes.length} bytes, allowed ${maxBytes}: ${text.slice(0, 80)}`);
    }
    writeVarint(writer, bytes.length + 1);
    writeBytes(writer, bytes);
    previous = text;
  }
}

function readTexts(reader: ByteReader, maxBytes: number, isSound?: (text: string) => boolean): () => string {
  let text: string | undefined;
  return () => {
    const code = readCount(reader, maxBytes + 1, 'bytes of text + 1');
    if (code > 0) {
      text = decodeText(reader, readBytes(reader, code - 1));
      if (isSound?.(text) === false) fail(reader, 'no canonical JSON object');
    } else if (text === undefined) fail(reader, 'no text to repeat');
    return text ?? '';
  };
}

/** Count, scale, then whole numbers as the differences from one to the next, or float64. */
function writeSamples(writer: ByteWriter, samples: readonly number[]): void {
  if (samples.length === 0 || samples.length > MAX_ARRAY_SAMPLES) {
    throw new RangeError(`array of ${samples.length} samples, allowed 1 to ${MAX_ARRAY_SAMPLES}`);
  }
  const values = Float64Array.from(samples);
  const scale = scaleOf(values, values.length);
  writeVarint(writer, values.length);
  writeByte(writer, scale);
  if (scale === RAW) {
    for (const value of values) writeFloat64(writer, finite(value));
    return;
  }
  let previous = 0;
  for (let at = 0; at < values.length; at++) {
    const scaled = scaledUp(values[at]!, scale);
    values[at] = scaled - previous;
    previous = scaled;
  }
  writeIntegers(writer, values);
}

function readSamples(reader: ByteReader): number[] {
  const count = readCount(reader, MAX_ARRAY_SAMPLES, 'samples');
  if (count === 0) fail(reader, 'array without samples');
  const scale = readByte(reader);
  if (scale > RAW) fail(reader, `scale ${scale}, allowed 0 to ${RAW}`);
  if (reader.problem !== undefined) return [];
  if (scale === RAW) return Array.from({ length: count }, () => readFinite(reader));
  let previous = 0;
  return Array.from(readIntegers(reader, count), (difference) => {
    previous += difference;
    return scaledDown(previous, scale);
  });
}
