import type { Clock, Logger } from '../../core/ports.ts';
import { fullBucket, type Rate, type RateBucket, spend, waitMsOf } from '../../core/rate-bucket.ts';

export interface ReadLimits {
  /** Messages and bytes that are read from one client in a second. */
  messagesPerSecond: number;
  bytesPerSecond: number;
}

/** For hubs that are told nothing else: far above what a node sends, far below what a hub can take. */
export const READ_LIMITS: ReadLimits = { messagesPerSecond: 2_000, bytesPerSecond: 16 * 1024 ** 2 };

/** Of one client it is said at most this often that it has to wait. */
export const REPORT_EVERY_MS = 10 * 60_000;

export interface ReadGate {
  /**
   * Something was read from a client.
   *
   * @returns for how many ms nothing more is to be read from it; what it sends meanwhile stays in its connection, and
   * then at the client
   */
  note(client: string, bytes: number, messages: number): number;
}

interface Account {
  messages: RateBucket;
  bytes: RateBucket;
  toldAtMs: number;
}

/**
 * Keeps one client from taking the time of all: who sends more than its rate is read more slowly. Nothing is dropped
 * and nothing refused. A new connection brings no new allowance.
 */
export function createReadGate(
  { clock, logger }: { clock: Clock; logger: Logger },
  { messagesPerSecond, bytesPerSecond }: ReadLimits,
): ReadGate {
  // A second's worth at once: nodes send what they collected meanwhile in bursts.
  const rates: Record<'messages' | 'bytes', Rate> = {
    messages: { perSecond: messagesPerSecond, burst: messagesPerSecond },
    bytes: { perSecond: bytesPerSecond, burst: bytesPerSecond },
  };
  const accounts = new Map<string, Account>();
  return {
    note(client, bytes, messages) {
      const nowMs = clock.monotonicMs();
      const account = accounts.get(client) ?? newAccount(rates, nowMs);
      accounts.set(client, account);
      spend(account.messages, rates.messages, messages, nowMs);
      spend(account.bytes, rates.bytes, bytes, nowMs);
      const waitMs = Math.max(
        waitMsOf(account.messages, rates.messages, nowMs),
        waitMsOf(account.bytes, rates.bytes, nowMs),
      );
      if (waitMs > 0 && nowMs - account.toldAtMs >= REPORT_EVERY_MS) {
        account.toldAtMs = nowMs;
        logger.warn({ node: client, messagesPerSecond, bytesPerSecond }, 'node sends more than its rate, read slower');
      }
      return waitMs;
    },
  };
}

const newAccount = (rates: Record<'messages' | 'bytes', Rate>, nowMs: number): Account => ({
  messages: fullBucket(rates.messages, nowMs),
  bytes: fullBucket(rates.bytes, nowMs),
  toldAtMs: Number.NEGATIVE_INFINITY,
});
