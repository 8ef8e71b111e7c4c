import type { EnvelopeRecord } from './envelope.ts';
import { jsonOf } from './value.ts';

/**
 * Bytes of the records as the JSON a person would send: one message, an array of
 * `{"device","stream","ts","value"}`, with `"quality"` where it is not good. It is the other side of the figure
 * "bytes sent against the same as JSON", and is counted without building the text.
 */
export function jsonBytesOf(records: readonly EnvelopeRecord[]): number {
  const names = new Map<string, number>();
  const textBytes = (text: string): number => {
    let bytes = names.get(text);
    if (bytes === undefined) {
      bytes = Buffer.byteLength(JSON.stringify(text));
      names.set(text, bytes);
    }
    return bytes;
  };
  let total = 2 + Math.max(0, records.length - 1);
  for (const { device, stream, ts, value, quality } of records) {
    total += FRAME + textBytes(device) + textBytes(stream) + (ts > 1e12 && ts < 1e13 ? 13 : String(ts).length);
    total += typeof value === 'number' ? numberBytes(value) : Buffer.byteLength(jsonOf(value));
    if (quality !== 'good') total += QUALITY_FRAME + quality.length;
  }
  return total;
}

const FRAME = '{"device":,"stream":,"ts":,"value":}'.length;
const QUALITY_FRAME = ',"quality":""'.length;

/** JSON knows no −0. */
const numberBytes = (value: number): number => (value === 0 ? 1 : String(value).length);
