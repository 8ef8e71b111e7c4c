import type { Filter, JsonValue } from '../../core/filters/filter.ts';
import type { FilterConfig } from '../../core/filters/schema.ts';
import { createFilter } from '../../core/filters/table.ts';
import type { NodePlan, StreamPlan } from '../../core/node-plan.ts';
import type { JournalOpening } from '../../journal/journal-port.ts';

/** One stream of one device: its number in the journal, its filter, and the filter's state as committed last. */
export interface Series {
  number: number;
  device: string;
  plan: StreamPlan;
  filter: Filter<JsonValue>;
  state: JsonValue | undefined;
  /** How many commits say whose number it is: two, so that one damaged block cannot make its records unreadable. */
  namings: number;
}

export interface SeriesTable {
  find(device: string, stream: string): Series | undefined;
  knowsDevice(device: string): boolean;
  /**
   * Device and stream of a number, also of series that the fleet file no longer has. Undefined if every block that named
   * it has rotted.
   */
  nameOf(number: number): { device: string; stream: string } | undefined;
  /** The numbers of a stream, of one device or of all; also of series that the fleet file no longer has. */
  numbersOf(stream: string, device?: string): number[];
}

/** Above the numbers of these series, for the commit that names them. */
export const seriesGiven = (named: Iterable<Series>): number =>
  Math.max(0, ...[...named].map(({ number }) => number + 1));

export const ENOUGH_NAMINGS = 2;

export const seriesKey = (number: number): string => `series/${number}`;
export const filterKey = (device: string, stream: string): string => `filter/${device}/${stream}`;

/** A filter's state as the journal keeps it: with the filter's type, which the fleet file may change between starts. */
export const filterEntry = (type: FilterConfig['type'], state: JsonValue): JsonValue => [type, state];

/** The state, if a filter of the same type wrote it; another filter starts anew. */
function filterStateIn(entry: JsonValue | undefined, type: FilterConfig['type']): JsonValue | undefined {
  return Array.isArray(entry) && entry.length === 2 && entry[0] === type ? entry[1] : undefined;
}

/**
 * The series of the plan with the numbers and filter states that the journal remembers; new ones get new numbers.
 *
 * @param given new numbers are not below it: the names of those are lost, and records of theirs may still be there
 */
export function createSeriesTable(
  plan: NodePlan,
  { state, series: given }: Pick<JournalOpening, 'state' | 'series'>,
): SeriesTable {
  const names = new Map<number, { device: string; stream: string }>();
  const numbers = new Map<string, number>();
  for (const [key, value] of Object.entries(state)) {
    if (!key.startsWith('series/')) continue;
    const number = Number(key.slice('series/'.length));
    const [device, stream] = value as [string, string];
    names.set(number, { device, stream });
    numbers.set(`${device}/${stream}`, number);
  }
  let next = Math.max(given, ...[...names.keys()].map((number) => number + 1));
  const byDevice = new Map<string, Map<string, Series>>();
  for (const source of plan.sources) {
    for (const device of source.devices) {
      const streams = byDevice.get(device) ?? new Map<string, Series>();
      byDevice.set(device, streams);
      for (const stream of source.streams) {
        const known = numbers.get(`${device}/${stream.name}`);
        const number = known ?? next++;
        names.set(number, { device, stream: stream.name });
        streams.set(stream.name, {
          number,
          device,
          plan: stream,
          filter: createFilter(stream.filter),
          state: filterStateIn(state[filterKey(device, stream.name)], stream.filter.type),
          namings: known === undefined ? 0 : ENOUGH_NAMINGS,
        });
      }
    }
  }
  return {
    find: (device, stream) => byDevice.get(device)?.get(stream),
    knowsDevice: (device) => byDevice.has(device),
    numbersOf: (stream, device) =>
      [...names].flatMap(([number, name]) =>
        name.stream === stream && (device === undefined || name.device === device) ? [number] : [],
      ),
    nameOf: (number) => names.get(number),
  };
}
