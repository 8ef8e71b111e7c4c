import type { ByteCodec, EnvelopeCoding } from '../byte-codec.ts';
import type { EnvelopeRecord } from '../envelope.ts';
import type { Value } from '../value.ts';
import { readByteColumns, type ValueBudget, writeByteColumns } from './byte-columns.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { orderBySeries, readSeries, tabulateSeries, writeSeries } from './series-table.ts';
import { readTimes, writeTimes } from './time-column.ts';
import { KINDS, type Kind, readTraits, writeTraits } from './traits-column.ts';
import { type Grouped, groupKind, readBooleans, readNumbers, writeBooleans, writeNumbers } from './value-columns.ts';

/** Series, times and traits in the order of positions; then the values, by kind and series. */
export function writeRecords(
  writer: ByteWriter,
  records: readonly EnvelopeRecord[],
  coding: EnvelopeCoding | undefined,
): void {
  const table = tabulateSeries(records);
  writeSeries(writer, table);
  writeTimes(writer, records, table.ofRecord);
  const kinds = writeTraits(writer, records, table.ofRecord);
  const order = orderBySeries(table);
  const ofKind = (kind: Kind): Grouped => groupKind(order, table.ofRecord, kinds, kind);
  writeNumbers(writer, ofKind(KINDS.number), records);
  writeBooleans(writer, ofKind(KINDS.boolean), records);
  writeByteColumns(writer, ofKind, records, coding);
}

/** Exactly `count` records, or a reader with a problem or a budget that is overdrawn. */
export function readRecords(
  reader: ByteReader,
  count: number,
  codec: ByteCodec,
  budget: ValueBudget,
): EnvelopeRecord[] {
  const table = readSeries(reader, count);
  const times = readTimes(reader, table.ofRecord);
  const traits = readTraits(reader, table.ofRecord);
  if (reader.problem !== undefined) return [];
  const order = orderBySeries(table);
  const values: Value[] = new Array<Value>(count).fill(null);
  const ofKind = (kind: Kind): Grouped => groupKind(order, table.ofRecord, traits.kinds, kind);
  readNumbers(reader, ofKind(KINDS.number), values);
  readBooleans(reader, ofKind(KINDS.boolean), values);
  readByteColumns(reader, ofKind, values, codec, budget);
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
