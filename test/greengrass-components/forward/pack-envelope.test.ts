import { expect, test } from '@jest/globals';
import { MAX_ENVELOPE_DAYS } from '../../../core/envelope.ts';
import { decodeEnvelope } from '../../../core/envelope-codec.ts';
import { packEnvelope } from '../../../greengrass-components/forward/pack-envelope.ts';
import type { ReadPart } from '../../../journal/journal-port.ts';
import { createRecordWriter } from '../../../journal/record-codec.ts';
import { EPOCH_A, START_MS } from '../../helpers/envelopes.ts';

const DAY_MS = 86_400_000;
const origin = { node: 'node-a', site: 'hall-1', epoch: EPOCH_A, lane: 2 as const, clockOffsetMs: undefined };
const nameOf = () => ({ device: 'archive', stream: 'temperature' });

/** Positions [from, to), one record a day. */
function partOf(from: number, to: number): ReadPart {
  const writer = createRecordWriter();
  for (let at = from; at < to; at++) {
    writer.push({ series: 0, ts: START_MS + at * DAY_MS, value: at, quality: 'good', clock: 'synced' });
  }
  return { from, to, wallMs: START_MS, monotonicMs: 0, bytes: writer.bytes() };
}

const pack = (...parts: ReadPart[]) => {
  const packed = packEnvelope({ to: parts.at(-1)!.to, parts, missing: [] }, origin, nameOf)!;
  const decoded = decodeEnvelope(packed.payload);
  if (!decoded.ok) throw new Error(decoded.detail);
  return { range: packed.range, ...decoded.envelope };
};

test('an old recording of one record a day is cut where the days of an envelope end, across commits', () => {
  const { range, header, records } = pack(partOf(7, 60), partOf(60, 300));
  expect(range).toEqual({ from: 7, to: 7 + MAX_ENVELOPE_DAYS });
  expect(header).toMatchObject(range);
  expect(records.map(({ value }) => value)).toEqual(Array.from({ length: MAX_ENVELOPE_DAYS }, (_, at) => at + 7));
});

test('the same records cut at the same place have the same hash, however many were read', () => {
  expect(pack(partOf(0, 300)).header.hash).toBe(pack(partOf(0, MAX_ENVELOPE_DAYS)).header.hash);
});

test('as many days as an envelope may have are one envelope', () => {
  expect(pack(partOf(0, MAX_ENVELOPE_DAYS)).range).toEqual({ from: 0, to: MAX_ENVELOPE_DAYS });
});
