/** A token bucket that goes into debt: what is larger than the bucket passes too, and is paid for afterwards. Times are monotonic ms. */
export interface RateBucket {
  tokens: number;
  atMs: number;
}

/** What may pass a second on the average, and at once after a rest. */
export interface Rate {
  perSecond: number;
  burst: number;
}

export const fullBucket = ({ burst }: Rate, nowMs: number): RateBucket => ({ tokens: burst, atMs: nowMs });

/** Takes so much out, however little is in it. */
export function spend(bucket: RateBucket, rate: Rate, amount: number, nowMs: number): void {
  bucket.tokens = tokensIn(bucket, rate, nowMs) - amount;
  bucket.atMs = nowMs;
}

/** How long until its debts are paid; 0 = something may pass now. */
export function waitMsOf(bucket: RateBucket, rate: Rate, nowMs: number): number {
  return Math.max(0, Math.ceil((-tokensIn(bucket, rate, nowMs) / rate.perSecond) * 1_000));
}

const tokensIn = ({ tokens, atMs }: RateBucket, { perSecond, burst }: Rate, nowMs: number): number =>
  Math.min(burst, tokens + ((nowMs - atMs) / 1_000) * perSecond);
