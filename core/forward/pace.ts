/** A token bucket that may go into debt: a message leaves whole, and those after it wait. */
export interface Bucket {
  tokens: number;
  atMs: number;
}
/** How much may leave now. */
export interface Pace {
  total: Bucket;
  /** By lane. */
  lanes: Bucket[];
  /** Bytes that live records have taken in advance from the share of the backlog. */
  owed: { critical: number; others: number };
}

export const FULL_BUCKET: Bucket = { tokens: Number.POSITIVE_INFINITY, atMs: 0 };

/** A second's worth may leave at once. */
const BURST_MS = 1_000;

/** @param rate bytes a second; undefined = no bound */
export function refilled(bucket: Bucket, rate: number | undefined, now: number): Bucket {
  if (rate === undefined) return { ...FULL_BUCKET, atMs: now };
  const most = (rate * BURST_MS) / 1_000;
  return { tokens: Math.min(most, bucket.tokens + (rate * Math.max(0, now - bucket.atMs)) / 1_000), atMs: now };
}

export const withdrawn = (bucket: Bucket, bytes: number): Bucket => ({ ...bucket, tokens: bucket.tokens - bytes });

/** ms until something may leave; 0 = now. */
export const waitOf = ({ tokens }: Bucket, rate: number | undefined): number =>
  rate === undefined || tokens > 0 ? 0 : ((1 - tokens) * 1_000) / rate;
