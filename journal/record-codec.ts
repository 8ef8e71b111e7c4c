import { createHash } from 'node:crypto';
import type { Hash64 } from '../core/identity.ts';
import { CLOCKS, type ClockState, QUALITIES, type Quality } from '../core/reading.ts';
import { isArray, isJson, type Value } from '../core/value.ts';

/** A record as the journal keeps it: `series` is the number under which the journal knows device and stream. */
export interface JournalRecord {
  series: number;
  ts: number;
  value: Value;
  quality: Quality;
  clock: ClockState;
}

const NULL = 0;
const NUMBER = 1;
const FALSE = 2;
const TRUE = 3;
const TEXT = 4;
const JSON_TEXT = 5;
const ARRAY = 6;

/**
 * Collects records of one lane: series (4 bytes), flags (1), time (8), then the value: 8 bytes of a number, 2 of a
 * length and the UTF-8 of a text or of JSON, 2 of a count and 8 for each sample of an array.
 */
export interface RecordWriter {
  push(record: JournalRecord): void;
  readonly count: number;
  bytes(): Uint8Array;
}

export function createRecordWriter(): RecordWriter {
  let buffer = Buffer.allocUnsafe(1024);
  let length = 0;
  let count = 0;
  const reserve = (more: number): void => {
    if (length + more <= buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + more));
    buffer.copy(grown, 0, 0, length);
    buffer = grown;
  };
  return {
    push(record) {
      const { value } = record;
      const text = textOf(value);
      const samples = isArray(value) ? value : undefined;
      reserve(23 + (text?.length ?? 0) + 8 * (samples?.length ?? 0));
      buffer.writeUInt32LE(record.series, length);
      buffer[length + 4] = flagsOf(record);
      buffer.writeDoubleLE(record.ts, length + 5);
      length += 13;
      if (typeof value === 'number') length = buffer.writeDoubleLE(value, length);
      else if (text) {
        buffer.writeUInt16LE(text.length, length);
        length += 2 + text.copy(buffer, length + 2);
      } else if (samples) {
        length = buffer.writeUInt16LE(samples.length, length);
        for (const sample of samples) length = buffer.writeDoubleLE(sample, length);
      }
      count++;
    },
    get count() {
      return count;
    },
    // A copy of its own: a view would take the whole buffer behind it into the worker.
    bytes: () => new Uint8Array(buffer.subarray(0, length)),
  };
}

/** The records of a lane's bytes, in order. Throws on bytes that this module did not write: the block's CRC forbids it. */
export function readRecords(bytes: Uint8Array): { record: JournalRecord; offset: number; length: number }[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: { record: JournalRecord; offset: number; length: number }[] = [];
  for (let offset = 0; offset < buffer.length; ) {
    const flags = buffer[offset + 4]!;
    const [value, size] = readValue(buffer, offset + 13, flags & 7);
    const record: JournalRecord = {
      series: buffer.readUInt32LE(offset),
      ts: buffer.readDoubleLE(offset + 5),
      value,
      quality: QUALITIES[(flags >> 3) & 3]!,
      clock: CLOCKS[(flags >> 5) & 1]!,
    };
    records.push({ record, offset, length: 13 + size });
    offset += 13 + size;
  }
  return records;
}

/** Where the record after so many others begins, without making any of them. */
export function offsetAfter(bytes: Uint8Array, count: number): number {
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const kind = bytes[offset + 4]! & 7;
    offset += 13;
    if (kind === NUMBER) offset += 8;
    else if (kind >= TEXT) {
      const length = bytes[offset]! | (bytes[offset + 1]! << 8);
      offset += 2 + (kind === ARRAY ? 8 * length : length);
    }
  }
  return offset;
}

/** 64 bits of SHA-256 over the journalled bytes of a range: the same however the range is encoded for the way. */
export function hashRecords(parts: readonly Uint8Array[]): Hash64 {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}

function flagsOf({ value, quality, clock }: JournalRecord): number {
  return kindOf(value) | (QUALITIES.indexOf(quality) << 3) | (CLOCKS.indexOf(clock) << 5);
}

function kindOf(value: Value): number {
  if (value === null) return NULL;
  if (typeof value === 'number') return NUMBER;
  if (typeof value === 'string') return TEXT;
  if (typeof value === 'boolean') return value ? TRUE : FALSE;
  return isArray(value) ? ARRAY : JSON_TEXT;
}

function textOf(value: Value): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  return isJson(value) ? Buffer.from(value.json) : undefined;
}

function readValue(buffer: Buffer, offset: number, kind: number): [Value, number] {
  switch (kind) {
    case NULL:
      return [null, 0];
    case NUMBER:
      return [buffer.readDoubleLE(offset), 8];
    case FALSE:
      return [false, 0];
    case TRUE:
      return [true, 0];
    case TEXT:
    case JSON_TEXT: {
      const length = buffer.readUInt16LE(offset);
      const text = buffer.toString('utf8', offset + 2, offset + 2 + length);
      return [kind === TEXT ? text : { json: text }, 2 + length];
    }
    case ARRAY: {
      const count = buffer.readUInt16LE(offset);
      const samples = Array.from({ length: count }, (_, index) => buffer.readDoubleLE(offset + 2 + 8 * index));
      return [samples, 2 + 8 * count];
    }
    default:
      throw new Error(`record of kind ${kind}, known are 0 to 6`);
  }
}
