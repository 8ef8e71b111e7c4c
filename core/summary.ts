import type { PARTIAL_COLUMNS } from './cold-tables.ts';
import type { StoredRow } from './stored-row.ts';

/**
 * Mergeable summaries of one stream and UTC minute: whatever way the rows are spread over parts, merging the parts gives
 * the summary of the whole. Counts, extremes, first and last exactly; sum, mean and m2 but for rounding.
 */

const MINUTE_MS = 60_000;

/** Numbers of one stream and minute; the mean and m2 (the sum of squared deviations from it) never cancel. */
export interface NumberSummary {
  count: number;
  min: number;
  max: number;
  sum: number;
  mean: number;
  m2: number;
  first: Point;
  last: Point;
}
/** One value and its place in the order of all: (ts, epoch, position), then what else makes it unique. */
export type Point = Pick<StoredRow, 'ts' | 'epoch' | 'position' | 'lane' | 'producer'> & { value: number };

/** A row of the table `partials`; null where there is no number, or one that float64 cannot hold. */
export interface PartialRow extends Series {
  /** Start of the UTC minute, ms since 1970. */
  minute: number;
  /** Values that are not bad; of a stream of texts, JSON or arrays too. */
  count: number;
  min: number | null;
  max: number | null;
  sum: number | null;
  mean: number | null;
  m2: number | null;
  first_ts: number | null;
  first_epoch: string | null;
  first_position: number | null;
  first_value: number | null;
  last_ts: number | null;
  last_epoch: string | null;
  last_position: number | null;
  last_value: number | null;
  /** Values of quality bad, and missing ones. */
  bad: number;
}
type Series = Pick<StoredRow, 'site' | 'node' | 'device' | 'stream'>;
/** Fails to compile if row and columns do not name the same. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
true satisfies Same<keyof PartialRow, (typeof PARTIAL_COLUMNS)[number][0]>;

interface Group {
  series: Series;
  minute: number;
  /** A text and a number of one stream and minute (its kind was changed) stay apart: a mean is over numbers only. */
  isOther: boolean;
  /** Texts, JSON and arrays. */
  others: number;
  numbers: NumberSummary | undefined;
  bad: number;
}

/** One row a stream and minute, sorted: the same rows in the same order give the same result to the last bit. */
export function summarise(rows: readonly StoredRow[]): PartialRow[] {
  const groups = new Map<string, Group>();
  let group: Group | undefined;
  for (const row of rows) {
    const minute = Math.floor(row.ts / MINUTE_MS) * MINUTE_MS;
    const isOther = row.text !== null || row.samples !== null;
    // Rows come sorted by stream and time: most follow one of their own group.
    if (group === undefined || !belongs(row, minute, isOther, group)) {
      const name = `${keyOf(row)}${minute}/${isOther}`;
      group = groups.get(name) ?? newGroup(row, minute, isOther);
      groups.set(name, group);
    }
    if (row.quality === 'bad' || (row.value === null && !isOther)) group.bad++;
    else if (row.value === null) group.others++;
    else group.numbers = addPoint(group.numbers, pointOf(row, row.value));
  }
  return [...groups.values()].sort(byPlace).map(toRow);
}

/**
 * Adds one number (Welford 1962, https://doi.org/10.1080/00401706.1962.10490022). The summary is changed in place where
 * there is one: this runs for every record.
 */
export function addPoint(summary: NumberSummary | undefined, point: Point): NumberSummary {
  const { value } = point;
  if (summary === undefined) {
    return { count: 1, min: value, max: value, sum: value, mean: value, m2: 0, first: point, last: point };
  }
  summary.count++;
  summary.min = Math.min(summary.min, value);
  summary.max = Math.max(summary.max, value);
  summary.sum += value;
  const before = value - summary.mean;
  summary.mean += before / summary.count;
  summary.m2 += before * (value - summary.mean);
  if (isBefore(point, summary.first)) summary.first = point;
  if (isBefore(summary.last, point)) summary.last = point;
  return summary;
}

/** Merges two parts (Chan, Golub, LeVeque 1979); neither is changed. */
export function mergeNumbers(a: NumberSummary, b: NumberSummary): NumberSummary {
  const count = a.count + b.count;
  const apart = b.mean - a.mean;
  return {
    count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    mean: a.mean + (apart * b.count) / count,
    m2: a.m2 + b.m2 + (apart * apart * a.count * b.count) / count,
    first: isBefore(b.first, a.first) ? b.first : a.first,
    last: isBefore(a.last, b.last) ? b.last : a.last,
  };
}

const pointOf = ({ ts, epoch, position, lane, producer }: StoredRow, value: number): Point => ({
  ts,
  epoch,
  position,
  lane,
  producer,
  value,
});

const newGroup = ({ site, node, device, stream }: Series, minute: number, isOther: boolean): Group => ({
  series: { site, node, device, stream },
  minute,
  isOther,
  others: 0,
  numbers: undefined,
  bad: 0,
});

const belongs = (row: Series, minute: number, isOther: boolean, group: Group): boolean =>
  minute === group.minute &&
  isOther === group.isOther &&
  row.stream === group.series.stream &&
  row.device === group.series.device &&
  row.node === group.series.node &&
  row.site === group.series.site;

/** Names hold any character: their lengths keep them apart. */
const keyOf = ({ site, node, device, stream }: Series): string =>
  `${site.length},${node.length},${device.length}:${site}${node}${device}${stream}/`;

function isBefore(a: Point, b: Point): boolean {
  if (a.ts !== b.ts) return a.ts < b.ts;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch;
  if (a.position !== b.position) return a.position < b.position;
  return a.lane === b.lane ? a.producer < b.producer : a.lane < b.lane;
}

function byPlace(a: Group, b: Group): number {
  for (const name of ['site', 'node', 'device', 'stream'] as const) {
    if (a.series[name] !== b.series[name]) return a.series[name] < b.series[name] ? -1 : 1;
  }
  return a.minute - b.minute || Number(a.isOther) - Number(b.isOther);
}

function toRow({ series, minute, others, numbers, bad }: Group): PartialRow {
  return {
    ...series,
    minute,
    count: others + (numbers?.count ?? 0),
    min: numbers?.min ?? null,
    max: numbers?.max ?? null,
    sum: finite(numbers?.sum),
    mean: finite(numbers?.mean),
    m2: finite(numbers?.m2),
    first_ts: numbers?.first.ts ?? null,
    first_epoch: numbers?.first.epoch ?? null,
    first_position: numbers?.first.position ?? null,
    first_value: numbers?.first.value ?? null,
    last_ts: numbers?.last.ts ?? null,
    last_epoch: numbers?.last.epoch ?? null,
    last_position: numbers?.last.position ?? null,
    last_value: numbers?.last.value ?? null,
    bad,
  };
}

/** Values near the largest float64 overflow a sum. */
const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;
