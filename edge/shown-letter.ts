import type { DeadLetter, LetterContent } from '../journal/journal-port.ts';
import { type JournalRecord, readRecords } from '../journal/record-codec.ts';

/** A record by its names. */
export interface ShownRecord extends Omit<JournalRecord, 'series'> {
  position: number;
  device: string;
  stream: string;
}

/** What is left of a dead letter, for people and programs. */
export interface ShownLetter {
  letters: readonly DeadLetter[];
  /** In the order of their positions; undefined: its file is damaged. */
  records: readonly ShownRecord[] | undefined;
}

export const shownLetter = (
  { letters, parts }: LetterContent,
  nameOf: (series: number) => { device: string; stream: string } | undefined,
): ShownLetter => ({
  letters,
  records: parts?.flatMap(({ from, bytes }) =>
    readRecords(bytes).map(({ record: { series, ...rest } }, index) => ({
      position: from + index,
      ...(nameOf(series) ?? { device: 'unknown', stream: `series ${series}` }),
      ...rest,
    })),
  ),
});
