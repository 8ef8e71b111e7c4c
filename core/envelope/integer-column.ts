import { type ByteReader, fail, readCount, readVarint } from './byte-reader.ts';
import { type ByteWriter, writeVarint } from './byte-writer.ts';

/**
 * A column of whole numbers that are mostly 0, because each is the difference to a prediction: zigzag varints, where
 * a 0 is followed by how many more zeros come. |value| < 2^52.
 */
export function writeIntegers(writer: ByteWriter, values: Float64Array): void {
  let zeros = 0;
  for (const value of values) {
    if (value === 0) {
      zeros++;
      continue;
    }
    if (zeros > 0) writeZeros(writer, zeros);
    zeros = 0;
    writeVarint(writer, zigzag(value));
  }
  if (zeros > 0) writeZeros(writer, zeros);
}

/** Bytes that `writeIntegers` would take. */
export function sizeOfIntegers(values: Float64Array): number {
  let size = 0;
  let zeros = 0;
  for (const value of values) {
    if (value === 0) {
      zeros++;
      continue;
    }
    if (zeros > 0) size += 1 + sizeOfVarint(zeros - 1);
    zeros = 0;
    size += sizeOfVarint(zigzag(value));
  }
  return zeros > 0 ? size + 1 + sizeOfVarint(zeros - 1) : size;
}

/** Exactly `count` integers; zeros after a problem. */
export function readIntegers(reader: ByteReader, count: number): Float64Array {
  const values = new Float64Array(count);
  for (let at = 0; at < count && reader.problem === undefined; at++) {
    const code = readVarint(reader);
    if (code !== 0) values[at] = unzigzag(code);
    else at += readCount(reader, count - at - 1, 'zeros in a column');
  }
  return values;
}

/** As `readIntegers`, every value from `min` to `max`. */
export function readBoundedIntegers(reader: ByteReader, count: number, min: number, max: number): Float64Array {
  const values = readIntegers(reader, count);
  for (const value of values) if (value < min || value > max) fail(reader, `${value} is not from ${min} to ${max}`);
  return values;
}

function writeZeros(writer: ByteWriter, zeros: number): void {
  writeVarint(writer, 0);
  writeVarint(writer, zeros - 1);
}

const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1);
const unzigzag = (code: number): number => (code % 2 === 0 ? code / 2 : -(code + 1) / 2);

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}
