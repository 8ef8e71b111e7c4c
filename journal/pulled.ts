import type { Epoch } from '../core/identity.ts';
import type { JournalRecord } from './record-codec.ts';

/**
 * That records which had stayed local were given positions of a lane to travel in. It is kept in the same commit as these
 * records, so that no crash and no second call makes two of one. JSON.
 */
export interface PulledNote {
  /** Numbers of the series that were asked for. */
  series: readonly number[];
  /** Times that were asked for, as journalled; `toTs` not included. ms. */
  fromTs: number;
  toTs: number;
  places: readonly PulledPlace[];
}
/** Local positions that were looked through, within one segment; `count` of them were pulled by this note. */
export interface PulledPlace {
  segment: number;
  epoch: Epoch;
  from: number;
  to: number;
  count: number;
}

/** Whether a record that stayed local was pulled before. */
export const wasPulled = (
  notes: readonly PulledNote[],
  epoch: Epoch,
  position: number,
  { series, ts }: Pick<JournalRecord, 'series' | 'ts'>,
): boolean =>
  notes.some(
    (note) =>
      note.fromTs <= ts &&
      ts < note.toTs &&
      note.places.some((place) => place.epoch === epoch && place.from <= position && position < place.to) &&
      note.series.includes(series),
  );

/** The notes without what speaks of segments that are gone. */
export function livingNotes(notes: readonly PulledNote[], localSegments: readonly number[]): PulledNote[] {
  const alive = new Set(localSegments);
  return notes.flatMap((note) => {
    const places = note.places.filter(({ segment }) => alive.has(segment));
    return places.length > 0 ? [{ ...note, places }] : [];
  });
}

/** The note with one more place; the next page of a segment joins the last. */
export function withPlace(note: PulledNote, place: PulledPlace): PulledNote {
  const last = note.places.at(-1);
  if (last?.segment !== place.segment || last.epoch !== place.epoch || last.to !== place.from) {
    return { ...note, places: [...note.places, place] };
  }
  const joined = { ...last, to: place.to, count: last.count + place.count };
  return { ...note, places: [...note.places.slice(0, -1), joined] };
}

/** How many records of these segments were pulled. */
export const pulledIn = (notes: readonly PulledNote[], localSegments: readonly number[]): number =>
  livingNotes(notes, localSegments)
    .flatMap(({ places }) => places)
    .reduce((sum, { count }) => sum + count, 0);
