import type { EnvelopeRecord } from '../envelope.ts';
import { CLOCKS, type ClockState, QUALITIES, type Quality } from '../reading.ts';
import { isArray, type Value } from '../value.ts';
import { type ByteReader, fail } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { readIntegers, writeIntegers } from './integer-column.ts';

/** What a value is, as the bits of a record's traits that say it. */
export const KINDS = { number: 0, boolean: 1, text: 2, nothing: 3, array: 32, json: 33 } as const;
export type Kind = (typeof KINDS)[keyof typeof KINDS];

const KIND_BITS = 35;
const MAX_TRAITS = 63;

/** Kind, quality and clock of a record in one number below 64; each series mostly keeps its own. */
export function writeTraits(writer: ByteWriter, records: readonly EnvelopeRecord[], ofRecord: Int32Array): Uint8Array {
  const kinds = new Uint8Array(records.length);
  const changes = new Float64Array(records.length);
  const last: number[] = [];
  let before = 0;
  for (let at = 0; at < records.length; at++) {
    const { value, quality, clock } = records[at]!;
    const kind = kindOf(value);
    kinds[at] = kind;
    const traits = kind | (QUALITY_NUMBERS[quality] << 2) | (clock === 'synced' ? 0 : 16);
    const series = ofRecord[at]!;
    changes[at] = traits - (last[series] ?? before);
    last[series] = traits;
    before = traits;
  }
  writeIntegers(writer, changes);
  return kinds;
}

export interface Traits {
  kinds: Uint8Array;
  quality: (record: number) => Quality;
  clock: (record: number) => ClockState;
}

export function readTraits(reader: ByteReader, ofRecord: Int32Array): Traits {
  const changes = readIntegers(reader, ofRecord.length);
  const all = new Uint8Array(ofRecord.length);
  const last: number[] = [];
  let before = 0;
  for (let at = 0; at < all.length && reader.problem === undefined; at++) {
    const series = ofRecord[at]!;
    const traits = (last[series] ?? before) + changes[at]!;
    const known = traits >= 0 && traits <= MAX_TRAITS && (traits & KIND_BITS) <= KINDS.json;
    if (!known || ((traits >> 2) & 3) >= QUALITIES.length) fail(reader, `traits ${traits}`);
    all[at] = traits;
    last[series] = traits;
    before = traits;
  }
  return {
    kinds: all.map((traits) => traits & KIND_BITS),
    quality: (record) => QUALITIES[(all[record]! >> 2) & 3] ?? 'bad',
    clock: (record) => CLOCKS[(all[record]! >> 4) & 1] ?? 'unsynced',
  };
}

const QUALITY_NUMBERS: Readonly<Record<Quality, number>> = { good: 0, uncertain: 1, bad: 2 };

function kindOf(value: Value): Kind {
  switch (typeof value) {
    case 'number':
      return KINDS.number;
    case 'boolean':
      return KINDS.boolean;
    case 'string':
      return KINDS.text;
    default:
      return value === null ? KINDS.nothing : isArray(value) ? KINDS.array : KINDS.json;
  }
}
