import type { Epoch } from '../core/identity.ts';
import { LANES, type Lane } from '../core/priority.ts';
import { JOURNAL_LANES } from './commit-codec.ts';
import type { AgeMark, CarriedRange, SegmentSpan } from './spans.ts';

/**
 * Spans as heads keep them: there is a head in each segment, and after an outage with many restarts there are very many
 * ranges. Epochs are named once; the rest is numbers in a fixed order.
 */
export interface PackedSpans {
  /** First those of `ends`, in their order. */
  epochs: Epoch[];
  /** Lanes 0..3 of an epoch each. */
  ends: number[];
  spans: PackedSpan[];
}
/** Where the lanes 0..3 of earlier epochs end, oldest first. */
export type EpochEnds = readonly (readonly [epoch: Epoch, ends: readonly number[]])[];
/** segment, epoch, bytes, room; start, end and laneBytes of each journal lane; marks and carried ranges of so many numbers. */
type PackedSpan = [own: number[], marks: number[], carried: number[]];

const OWN_FIXED = 4;
const MARK_NUMBERS = 2 + JOURNAL_LANES;
const CARRIED_NUMBERS = 7;

export function packSpans(spans: readonly SegmentSpan[], ends: EpochEnds): PackedSpans {
  const epochs = ends.map(([epoch]) => epoch);
  const numbers = new Map(epochs.map((epoch, number) => [epoch, number]));
  const numberOf = (epoch: Epoch): number => {
    const known = numbers.get(epoch);
    if (known !== undefined) return known;
    numbers.set(epoch, epochs.length);
    return epochs.push(epoch) - 1;
  };
  const packed = spans.map(
    ({ segment, epoch, bytes, room, start, end, laneBytes, marks, carried }): PackedSpan => [
      [segment, numberOf(epoch), bytes, room, ...start, ...end, ...laneBytes],
      marks.flatMap((mark) => [mark.ageMs, mark.ageMs - mark.sinceMs, ...mark.end]),
      carried.flatMap((range) => [
        numberOf(range.epoch),
        range.lane,
        range.from,
        range.to - range.from,
        range.ageMs,
        range.ageMs - range.sinceMs,
        range.bytes,
      ]),
    ],
  );
  return { epochs, ends: ends.flatMap(([, ofLanes]) => ofLanes), spans: packed };
}

export const unpackEnds = ({ epochs, ends }: PackedSpans): EpochEnds =>
  chunksOf(ends, LANES.length).map((ofLanes, number) => [epochs[number]!, ofLanes] as const);

export const unpackSpans = ({ epochs, spans }: PackedSpans): SegmentSpan[] =>
  spans.map(([own, marks, carried]) => {
    const lanes = (at: number): number[] =>
      own.slice(OWN_FIXED + at * JOURNAL_LANES, OWN_FIXED + (at + 1) * JOURNAL_LANES);
    return {
      segment: own[0]!,
      epoch: epochs[own[1]!]!,
      bytes: own[2]!,
      room: own[3]!,
      start: lanes(0),
      end: lanes(1),
      laneBytes: lanes(2),
      marks: chunksOf(marks, MARK_NUMBERS).map(
        ([ageMs, before, ...end]): AgeMark => ({ ageMs: ageMs!, sinceMs: ageMs! - before!, end }),
      ),
      carried: chunksOf(carried, CARRIED_NUMBERS).map(
        ([epoch, lane, from, count, ageMs, before, bytes]): CarriedRange => ({
          epoch: epochs[epoch!]!,
          lane: lane as Lane,
          from: from!,
          to: from! + count!,
          ageMs: ageMs!,
          sinceMs: ageMs! - before!,
          bytes: bytes!,
        }),
      ),
    };
  });

const chunksOf = (numbers: readonly number[], size: number): number[][] =>
  Array.from({ length: numbers.length / size }, (_, index) => numbers.slice(index * size, (index + 1) * size));
