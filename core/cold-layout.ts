/** Where things lie in the cold bucket, and how their keys are made: the same in what writes, reads and grants. */
export const COLD_PREFIXES = {
  /** Written before the index knows them; no table reads here, and each is deleted once it landed. */
  staging: 'staging/',
  /** Records, one object per day of their time and batch. */
  landing: 'landing/',
  /** Mergeable summaries per stream and minute, one object per landed object. */
  partials: 'partials/',
  /** Messages that can never be taken, with their reason. */
  aside: 'aside/',
} as const;
export type ColdPrefix = keyof typeof COLD_PREFIXES;

/** A UTC day as `YYYY-MM-DD`; the partition `dt` of every table. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const EARLIEST_DAY = '2000-01-01';
const DAY_MS = 86_400_000;

/**
 * The partition of a record: the UTC day of its time, but within the days that the tables' projection knows
 * (DT_PROJECTION in core/cold-tables.ts). A clock that is wrong by years must not hide what was acknowledged.
 */
export function partitionOf(ts: number, storedAtMs: number): string {
  const latest = storedAtMs + DAY_MS;
  if (ts >= latest) return dayOf(latest);
  return ts < Date.parse(EARLIEST_DAY) ? EARLIEST_DAY : dayOf(ts);
}

export const stagingPrefix = (batch: string): string => `${COLD_PREFIXES.staging}${batch}/`;
export const stagingKey = (batch: string, dt: string): string => `${stagingPrefix(batch)}dt=${dt}.parquet`;
export const landingKey = (batch: string, dt: string): string => `${COLD_PREFIXES.landing}dt=${dt}/${batch}.parquet`;
export const asideKey = (name: string, dt: string): string => `${COLD_PREFIXES.aside}dt=${dt}/${name}.json`;

/** Derived from the landed object's key alone, so that doing it twice changes nothing; undefined for other keys. */
export function partialKeyOf(landing: string): string | undefined {
  return landing.startsWith(COLD_PREFIXES.landing)
    ? `${COLD_PREFIXES.partials}${landing.slice(COLD_PREFIXES.landing.length)}`
    : undefined;
}

/** The batch that a staging key belongs to; undefined for other keys. */
export const batchOfStaging = (key: string): string | undefined => /^staging\/([^/]+)\/dt=/.exec(key)?.[1];
