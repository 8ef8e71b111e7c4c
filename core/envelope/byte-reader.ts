import { isUtf8 } from 'node:buffer';

/**
 * Bytes being read, none of them trusted. The first problem sticks: from then on every read gives 0 or nothing, so
 * that a decoder runs to its end within its bounds and asks once.
 */
export interface ByteReader {
  bytes: Buffer;
  at: number;
  problem: string | undefined;
}

export const createReader = (bytes: Uint8Array): ByteReader => ({
  bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  at: 0,
  problem: undefined,
});

export const remaining = (reader: ByteReader): number => reader.bytes.length - reader.at;

/** Notes the first problem; later ones are its consequences. */
export function fail(reader: ByteReader, problem: string): void {
  reader.problem ??= `${problem} at byte ${reader.at}`;
}

export function readByte(reader: ByteReader): number {
  return take(reader, 1) ? reader.bytes[reader.at - 1]! : 0;
}

/** LEB128 up to 2^53 − 1. */
export function readVarint(reader: ByteReader): number {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 8; count++) {
    const byte = readByte(reader);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (value <= Number.MAX_SAFE_INTEGER) return value;
      break;
    }
    scale *= 128;
  }
  fail(reader, 'integer beyond 2^53');
  return 0;
}

/** A varint of at most `max`. */
export function readCount(reader: ByteReader, max: number, what: string): number {
  const count = readVarint(reader);
  if (count <= max) return count;
  fail(reader, `${count} ${what}, allowed ${max}`);
  return 0;
}

export function readFloat64(reader: ByteReader): number {
  return take(reader, 8) ? reader.bytes.readDoubleLE(reader.at - 8) : 0;
}

/** A view, not a copy; empty after a problem. */
export function readBytes(reader: ByteReader, length: number): Buffer {
  return take(reader, length) ? reader.bytes.subarray(reader.at - length, reader.at) : Buffer.alloc(0);
}

/** Length and UTF-8 of at most `maxBytes`. */
export function readText(reader: ByteReader, maxBytes: number): string {
  return decodeText(reader, readBytes(reader, readCount(reader, maxBytes, 'bytes of text')));
}

export function decodeText(reader: ByteReader, bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  fail(reader, 'text is not UTF-8');
  return '';
}

function take(reader: ByteReader, length: number): boolean {
  if (reader.problem !== undefined) return false;
  if (length > remaining(reader)) {
    fail(reader, `${length} bytes expected, ${remaining(reader)} left`);
    return false;
  }
  reader.at += length;
  return true;
}
