import type { EnvelopeRecord } from '../envelope.ts';
import type { Value } from '../reading.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { orderBySeries, readSeries, tabulateSeries, writeSeries } from './series-table.ts';
import { readTimes, writeTimes } from './time-column.ts';
import { KINDS, readTraits, writeTraits } from './traits-column.ts';
import {
  groupKind,
  readBooleans,
  readNumbers,
  readTexts,
  writeBooleans,
  writeNumbers,
  writeTexts,
} from './value-columns.ts';

/** Series, times and traits in the order of positions; then the values, by kind and series. */
export function writeRecords(writer: ByteWriter, records: readonly EnvelopeRecord[]): void {
  const table = tabulateSeries(records);
  writeSeries(writer, table);
  writeTimes(writer, records, table.ofRecord);
  const kinds = writeTraits(writer, records, table.ofRecord);
  const order = orderBySeries(table);
  writeNumbers(writer, groupKind(order, table.ofRecord, kinds, KINDS.number), records);
  writeBooleans(writer, groupKind(order, table.ofRecord, kinds, KINDS.boolean), records);
  writeTexts(writer, groupKind(order, table.ofRecord, kinds, KINDS.text), records);
}

/** Exactly `count` records, or a reader with a problem. */
export function readRecords(reader: ByteReader, count: number): EnvelopeRecord[] {
  const table = readSeries(reader, count);
  const times = readTimes(reader, table.ofRecord);
  const traits = readTraits(reader, table.ofRecord);
  if (reader.problem !== undefined) return [];
  const order = orderBySeries(table);
  const values: Value[] = new Array<Value>(count).fill(null);
  readNumbers(reader, groupKind(order, table.ofRecord, traits.kinds, KINDS.number), values);
  readBooleans(reader, groupKind(order, table.ofRecord, traits.kinds, KINDS.boolean), values);
  readTexts(reader, groupKind(order, table.ofRecord, traits.kinds, KINDS.text), values);
  if (reader.problem !== undefined) return [];
  const { devices, streams, deviceOf, streamOf, ofRecord } = table;
  return values.map((value, at) => ({
    device: devices[deviceOf[ofRecord[at]!]!]!,
    stream: streams[streamOf[ofRecord[at]!]!]!,
    ts: times[at]!,
    value,
    quality: traits.quality(at),
    clock: traits.clock(at),
  }));
}
