import type { EnvelopeRecord } from '../envelope.ts';
import type { Value } from '../value.ts';
import { type ByteReader, fail, readBytes, readFloat64 } from './byte-reader.ts';
import { type ByteWriter, writeByte, writeFloat64 } from './byte-writer.ts';
import { RAW, scaledDown, scaledUp, scaleOf } from './decimal.ts';
import { readBoundedIntegers, readIntegers, writeIntegers } from './integer-column.ts';
import type { Kind } from './traits-column.ts';

/** Indexes of the records of one kind, grouped by series; `ends[i]` is where the i-th series that has any ends. */
export interface Grouped {
  records: Int32Array;
  ends: number[];
}

/** Picks the records of a kind from all, keeping the grouping by series. */
export function groupKind(order: Int32Array, ofRecord: Int32Array, kinds: Uint8Array, kind: Kind): Grouped {
  if (!kinds.includes(kind)) return { records: new Int32Array(0), ends: [] };
  const records = order.filter((record) => kinds[record] === kind);
  const ends: number[] = [];
  for (let at = 0; at < records.length; at++) {
    const next = records[at + 1];
    if (next === undefined || ofRecord[next] !== ofRecord[records[at]!]) ends.push(at + 1);
  }
  return { records, ends };
}

/** Per series a scale, then the differences of all scaled series in one column, then the raw numbers. */
export function writeNumbers(writer: ByteWriter, group: Grouped, records: readonly EnvelopeRecord[]): void {
  const scales = new Float64Array(group.ends.length);
  const differences = new Float64Array(group.records.length);
  const raw: number[] = [];
  const values = new Float64Array(group.records.length);
  let scaledCount = 0;
  let start = 0;
  let previousScale = 0;
  for (const [series, end] of group.ends.entries()) {
    for (let at = start; at < end; at++) values[at - start] = records[group.records[at]!]!.value as number;
    const scale = scaleOf(values, end - start);
    let previous = 0;
    for (let at = 0; at < end - start; at++) {
      if (scale === RAW) {
        raw.push(finite(values[at]!));
        continue;
      }
      const scaled = scaledUp(values[at]!, scale);
      differences[scaledCount++] = scaled - previous;
      previous = scaled;
    }
    scales[series] = scale - previousScale;
    previousScale = scale;
    start = end;
  }
  writeIntegers(writer, scales);
  writeIntegers(writer, differences.subarray(0, scaledCount));
  for (const value of raw) writeFloat64(writer, value);
}

export function readNumbers(reader: ByteReader, group: Grouped, values: Value[]): void {
  const scales = readBoundedIntegers(reader, group.ends.length, -RAW, RAW);
  let scaledCount = 0;
  for (let series = 0; series < scales.length; series++) {
    scales[series]! += scales[series - 1] ?? 0;
    if (scales[series]! < 0 || scales[series]! > RAW) fail(reader, `scale ${scales[series]}, allowed 0 to ${RAW}`);
    if (scales[series] !== RAW) scaledCount += group.ends[series]! - (group.ends[series - 1] ?? 0);
  }
  const differences = readIntegers(reader, scaledCount);
  let next = 0;
  let start = 0;
  for (let series = 0; series < scales.length && reader.problem === undefined; series++) {
    const scale = scales[series]!;
    let previous = 0;
    for (let at = start; at < group.ends[series]!; at++) {
      if (scale === RAW) {
        values[group.records[at]!] = readFinite(reader);
        continue;
      }
      previous += differences[next++]!;
      values[group.records[at]!] = scaledDown(previous, scale);
    }
    start = group.ends[series]!;
  }
}

export function writeBooleans(writer: ByteWriter, group: Grouped, records: readonly EnvelopeRecord[]): void {
  for (let start = 0; start < group.records.length; start += 8) {
    let bits = 0;
    group.records.subarray(start, start + 8).forEach((record, bit) => {
      if (records[record]!.value === true) bits |= 1 << bit;
    });
    writeByte(writer, bits);
  }
}

export function readBooleans(reader: ByteReader, group: Grouped, values: Value[]): void {
  const bits = readBytes(reader, Math.ceil(group.records.length / 8));
  group.records.forEach((record, at) => {
    values[record] = ((bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
  });
}

export function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new RangeError(`value ${value}, allowed finite numbers`);
}

export function readFinite(reader: ByteReader): number {
  const value = readFloat64(reader);
  if (Number.isFinite(value)) return value;
  fail(reader, `value ${value}`);
  return 0;
}
