import type { Epoch } from '../core/identity.ts';
import type { Lane } from '../core/priority.ts';
import { JOURNAL_LANES } from './commit-codec.ts';
import type { AgeMark, CarriedRange, SegmentSpan } from './spans.ts';

/**
 * Spans as heads keep them: there is a head in each segment, and after an outage with many restarts there are very many
 * ranges. Epochs are named once; the rest is numbers in a fixed order.
 */
export interface PackedSpans {
  epochs: Epoch[];
  spans: PackedSpan[];
}
/** segment, epoch, bytes, room; start, end and laneBytes of each journal lane; marks and carried ranges of so many numbers. */
type PackedSpan = [own: number[], marks: number[], carried: number[]];

const OWN_FIXED = 4;
const MARK_NUMBERS = 2 + JOURNAL_LANES;
const CARRIED_NUMBERS = 7;

export function packSpans(spans: readonly SegmentSpan[]): PackedSpans {
  const epochs: Epoch[] = [];
  const numbers = new Map<Epoch, number>();
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
  return { epochs, spans: packed };
}

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
