import { createRecordWriter } from '../../journal/record-codec.ts';

const RECORD_BYTES = 200;
/** Series, flags, time and the length of the text. */
const OVERHEAD = 15;
const START_MS = Date.UTC(2026, 0, 5);

/** The bytes of so many records of 200 bytes each, as sense hands them to the journal. */
export function textRecords(count: number): Uint8Array {
  const writer = createRecordWriter();
  for (let index = 0; index < count; index++) {
    const value = `${index} state of a machine `.padEnd(RECORD_BYTES - OVERHEAD, 'abcdefghijklmnop');
    writer.push({ series: index % 100, ts: START_MS + index, value, quality: 'good', clock: 'synced' });
  }
  return writer.bytes();
}
