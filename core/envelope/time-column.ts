import type { EnvelopeRecord } from '../envelope.ts';
import { type ByteReader, fail, readByte } from './byte-reader.ts';
import { type ByteWriter, writeByte } from './byte-writer.ts';
import { readIntegers, sizeOfIntegers, writeIntegers } from './integer-column.ts';

/** ms on both sides of 1970: the year 37,000 is enough, and differences of differences stay exact. */
export const MAX_TIME_MS = 2 ** 50;

/** `difference` to the record before, or to what that difference was when its series was the last one before. */
const FORMS = { difference: 0, step: 1 } as const;

/**
 * Times, in the shorter of two forms. A regular cycle of series has the same steps in each round, which leaves zeros;
 * readings at odd times cost least as plain differences.
 */
export function writeTimes(writer: ByteWriter, records: readonly EnvelopeRecord[], ofRecord: Int32Array): void {
  const differences = new Float64Array(records.length);
  const steps = new Float64Array(records.length);
  const lastStep: number[] = [];
  let previous = 0;
  for (let at = 0; at < records.length; at++) {
    const { ts } = records[at]!;
    if (!Number.isInteger(ts) || Math.abs(ts) > MAX_TIME_MS)
      throw new RangeError(`time ${ts} ms, allowed whole numbers up to ±${MAX_TIME_MS}`);
    const difference = ts - previous;
    differences[at] = difference;
    const before = ofRecord[at - 1] ?? 0;
    steps[at] = at === 0 ? difference : difference - (lastStep[before] ?? 0);
    if (at > 0) lastStep[before] = difference;
    previous = ts;
  }
  const regular = sizeOfIntegers(steps) < sizeOfIntegers(differences);
  writeByte(writer, regular ? FORMS.step : FORMS.difference);
  writeIntegers(writer, regular ? steps : differences);
}

export function readTimes(reader: ByteReader, ofRecord: Int32Array): Float64Array {
  const form = readByte(reader);
  if (form !== FORMS.difference && form !== FORMS.step) fail(reader, `time form ${form}, allowed 0, 1`);
  const times = readIntegers(reader, ofRecord.length);
  const lastStep: number[] = [];
  let previous = 0;
  for (let at = 0; at < times.length && reader.problem === undefined; at++) {
    const before = ofRecord[at - 1] ?? 0;
    const difference = times[at]! + (form === FORMS.step && at > 0 ? (lastStep[before] ?? 0) : 0);
    if (at > 0) lastStep[before] = difference;
    previous += difference;
    if (Math.abs(previous) > MAX_TIME_MS) fail(reader, `time ${previous} ms, allowed up to ±${MAX_TIME_MS}`);
    times[at] = previous;
  }
  return times;
}
