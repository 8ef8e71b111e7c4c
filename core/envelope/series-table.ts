import type { EnvelopeRecord } from '../envelope.ts';
import { type ByteReader, fail, readCount } from './byte-reader.ts';
import { type ByteWriter, writeVarint } from './byte-writer.ts';
import { readIntegers, writeIntegers } from './integer-column.ts';
import { readNames, writeNames } from './name-table.ts';

/** The series (stream of a device) of an envelope, numbered by first appearance, and which one each record is of. */
export interface SeriesTable {
  devices: readonly string[];
  streams: readonly string[];
  /** Index into `devices` and `streams` of each series. */
  deviceOf: Indexes;
  streamOf: Indexes;
  /** Series of each record. */
  ofRecord: Int32Array;
}

export function tabulateSeries(records: readonly EnvelopeRecord[]): SeriesTable {
  const devices: string[] = [];
  const streams: string[] = [];
  const deviceOf: number[] = [];
  const streamOf: number[] = [];
  const ofRecord = new Int32Array(records.length);
  const deviceIndex = new Map<string, number>();
  const streamIndex = new Map<string, number>();
  const seriesIndex: Map<number, number>[] = [];
  const followers: number[] = [];
  let previous = -1;
  for (let at = 0; at < records.length; at++) {
    const { device, stream } = records[at]!;
    let series = followers[previous] ?? -1;
    // Sources go round: what followed a series last time mostly follows it again, and no look-up is needed.
    if (series < 0 || devices[deviceOf[series]!] !== device || streams[streamOf[series]!] !== stream) {
      const d = indexIn(deviceIndex, devices, device);
      const s = indexIn(streamIndex, streams, stream);
      const known = seriesIndex[d]?.get(s);
      series = known ?? deviceOf.length;
      if (known === undefined) {
        seriesIndex[d] ??= new Map();
        seriesIndex[d].set(s, series);
        deviceOf.push(d);
        streamOf.push(s);
        followers.push(-1);
      }
      if (previous >= 0) followers[previous] = series;
    }
    ofRecord[at] = series;
    previous = series;
  }
  return { devices, streams, deviceOf, streamOf, ofRecord };
}

export function writeSeries(writer: ByteWriter, table: SeriesTable): void {
  const { devices, streams, deviceOf, streamOf, ofRecord } = table;
  writeNames(writer, devices);
  writeNames(writer, streams);
  writeVarint(writer, deviceOf.length);
  writeIntegers(
    writer,
    Float64Array.from(deviceOf, (device, at) => device - sameAgain(deviceOf, at)),
  );
  writeIntegers(
    writer,
    Float64Array.from(streamOf, (stream, at) => stream - roundRobin(streamOf, at, streams.length)),
  );
  const followers = firstFollowers(deviceOf.length);
  const misses = new Float64Array(ofRecord.length);
  let previous = -1;
  for (let at = 0; at < misses.length; at++) {
    const series = ofRecord[at]!;
    misses[at] = series - followers[previous + 1]!;
    followers[previous + 1] = series;
    previous = series;
  }
  writeIntegers(writer, misses);
}

/** The table of `recordCount` ≥ 1 records; every index in it is in bounds unless the reader has a problem. */
export function readSeries(reader: ByteReader, recordCount: number): SeriesTable {
  const devices = readNames(reader, recordCount);
  const streams = readNames(reader, recordCount);
  const count = readCount(reader, recordCount, 'series');
  const deviceOf = readIndexes(reader, count, devices.length, sameAgain);
  const streamOf = readIndexes(reader, count, streams.length, (done, at) => roundRobin(done, at, streams.length));
  const followers = firstFollowers(count);
  const ofRecord = readIndexes(reader, recordCount, count, (done, at) => {
    if (at >= 2) followers[done[at - 2]! + 1] = done[at - 1]!;
    else if (at === 1) followers[0] = done[0]!;
    return followers[at === 0 ? 0 : done[at - 1]! + 1]!;
  });
  return { devices, streams, deviceOf, streamOf, ofRecord };
}

type Indexes = Int32Array | readonly number[];

/** Predicts that a device's series stand together. */
const sameAgain = (done: Indexes, at: number): number => done[at - 1] ?? 0;
/** Predicts that each device has the same streams in the same order. */
const roundRobin = (done: Indexes, at: number, count: number): number => (at === 0 ? 0 : (done[at - 1]! + 1) % count);

/** [series + 1] → the series expected after it, [0] → the first one: at first the order of the table, in a circle. */
function firstFollowers(count: number): Int32Array {
  const followers = new Int32Array(count + 1);
  for (let series = 0; series < count; series++) followers[series + 1] = (series + 1) % count;
  return followers;
}

/** `count` indexes below `limit`, each written as its difference to what the ones before predict. */
function readIndexes(
  reader: ByteReader,
  count: number,
  limit: number,
  predict: (done: Int32Array, at: number) => number,
): Int32Array {
  const misses = readIntegers(reader, count);
  const indexes = new Int32Array(count);
  for (let at = 0; at < count && reader.problem === undefined; at++) {
    const index = predict(indexes, at) + misses[at]!;
    if (index < 0 || index >= limit) fail(reader, `index ${index} of ${limit}`);
    else indexes[at] = index;
  }
  return indexes;
}

/** Record indexes sorted by series, in position order within each. */
export function orderBySeries(table: SeriesTable): Int32Array {
  const starts = new Int32Array(table.deviceOf.length + 1);
  for (const series of table.ofRecord) starts[series + 1]!++;
  for (let series = 1; series < starts.length; series++) starts[series]! += starts[series - 1]!;
  const order = new Int32Array(table.ofRecord.length);
  for (let at = 0; at < order.length; at++) order[starts[table.ofRecord[at]!]!++] = at;
  return order;
}

function indexIn(indexes: Map<string, number>, names: string[], name: string): number {
  let index = indexes.get(name);
  if (index === undefined) {
    index = names.push(name) - 1;
    indexes.set(name, index);
  }
  return index;
}
