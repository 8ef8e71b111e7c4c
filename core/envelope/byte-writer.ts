/** Bytes being written; grows as needed. */
export interface ByteWriter {
  bytes: Buffer;
  length: number;
}

export const createWriter = (capacity = 4_096): ByteWriter => ({ bytes: Buffer.allocUnsafe(capacity), length: 0 });

/** A copy of what was written, so that the writer's spare room is not kept alive. */
export const writtenBytes = (writer: ByteWriter): Uint8Array => new Uint8Array(writer.bytes.subarray(0, writer.length));

export function writeByte(writer: ByteWriter, value: number): void {
  reserve(writer, 1);
  writer.bytes[writer.length++] = value;
}

/** LEB128, whole numbers from 0 to 2^53 − 1: 7 bits a byte, at most 8 bytes. */
export function writeVarint(writer: ByteWriter, value: number): void {
  // Infinity would never end.
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`varint ${value}, allowed 0 to 2^53 − 1`);
  reserve(writer, 8);
  const bytes = writer.bytes;
  let at = writer.length;
  let rest = value;
  // Bit operators work on 32 bits only.
  for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 0x80;
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  writer.length = at;
}

export function writeFloat64(writer: ByteWriter, value: number): void {
  reserve(writer, 8);
  writer.bytes.writeDoubleLE(value, writer.length);
  writer.length += 8;
}

export function writeUint32(writer: ByteWriter, value: number): void {
  reserve(writer, 4);
  writer.bytes.writeUInt32LE(value, writer.length);
  writer.length += 4;
}

export function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  reserve(writer, bytes.length);
  writer.bytes.set(bytes, writer.length);
  writer.length += bytes.length;
}

/** Length and UTF-8. */
export function writeText(writer: ByteWriter, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  writeVarint(writer, bytes.length);
  writeBytes(writer, bytes);
}

function reserve(writer: ByteWriter, extra: number): void {
  const needed = writer.length + extra;
  if (needed <= writer.bytes.length) return;
  const grown = Buffer.allocUnsafe(Math.max(needed, writer.bytes.length * 2));
  grown.set(writer.bytes.subarray(0, writer.length));
  writer.bytes = grown;
}
