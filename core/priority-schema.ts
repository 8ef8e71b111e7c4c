import * as z from 'zod';
import { bounded, crossIssue } from './bounded.ts';
import { rate } from './budget-schema.ts';
import { formatDuration } from './duration.ts';
import { COMPRESSIONS, PRIORITY_CONTRACT, type Priorities, type Priority, type PriorityTerms } from './priority.ts';
import { durationScalar as duration } from './scalars.ts';

/** The key `priorities` of the fleet file: what each class promises. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400_000;
const MAX_RETRIES = 1_000;

const between = (shortest: string, longest: string, from: number, to: number) =>
  bounded(duration, (ms) => ms >= from && ms <= to, `between ${shortest} and ${longest}`);

function terms(priority: Priority) {
  const { retries, initialTimeoutMs, backoffFactor, maxTimeoutMs, ttlMs, compression } = PRIORITY_CONTRACT[priority];
  const ttl = ttlMs === 'never' ? ttlMs : formatDuration(ttlMs);
  return z
    .strictObject({
      retries: z
        .union([z.int().min(0).max(MAX_RETRIES), z.literal('infinite')], {
          error: `a whole number from 0 to ${MAX_RETRIES}, or infinite`,
        })
        .default(retries)
        .describe(
          `How often a record is sent again after it was refused, or not answered while others were. Default: ${retries}.`,
        ),
      timeout: between('1s', '1h', SECOND, 60 * MINUTE)
        .prefault(formatDuration(initialTimeoutMs))
        .describe(`How long the first answer is waited for. Default: ${formatDuration(initialTimeoutMs)}.`),
      backoff: z
        .number()
        .min(1)
        .max(10)
        .default(backoffFactor)
        .describe(`By how much the wait grows with each failure. Default: ${backoffFactor}.`),
      maxTimeout: between('1s', '1d', SECOND, DAY)
        .prefault(formatDuration(maxTimeoutMs))
        .describe(`The longest wait. Default: ${formatDuration(maxTimeoutMs)}.`),
      ttl: z
        .union([between('1m', '3650d', MINUTE, 3_650 * DAY), z.literal('never')], {
          error: 'a duration between 1m and 3650d, or never',
        })
        .prefault(ttl)
        .describe(`How long a record may wait on the node before it expires. Default: ${ttl}.`),
      compression: z
        .enum(COMPRESSIONS)
        .default(compression)
        .describe(`Of texts, JSON and arrays; numbers have a coding of their own. Default: ${compression}.`),
      bytesPerSecond: rate.optional().describe('What the class may send a second. Default: no bound.'),
    })
    .superRefine((config, context) => {
      const { timeout, maxTimeout } = config;
      const first = `timeout, which is ${formatDuration(timeout)}`;
      if (maxTimeout < timeout) {
        context.addIssue(crossIssue('maxTimeout', `at least ${first}`, formatDuration(maxTimeout)));
      }
      if (config.ttl !== 'never' && config.ttl <= timeout) {
        context.addIssue(crossIssue('ttl', `longer than ${first}`, formatDuration(config.ttl)));
      }
    });
}

export const priorities = z
  .strictObject({
    critical: terms('critical').prefault({}),
    high: terms('high').prefault({}),
    normal: terms('normal').prefault({}),
    low: terms('low').prefault({}),
  })
  .describe('What each priority promises: retries, waits, time to live, compression.');

type PrioritiesConfig = z.output<typeof priorities>;

/** The contract as a node executes it. */
export const planPriorities = (config: PrioritiesConfig): Priorities => ({
  critical: planTerms(config.critical),
  high: planTerms(config.high),
  normal: planTerms(config.normal),
  low: planTerms(config.low),
});

const planTerms = (config: PrioritiesConfig[Priority]): PriorityTerms => ({
  retries: config.retries,
  initialTimeoutMs: config.timeout,
  backoffFactor: config.backoff,
  maxTimeoutMs: config.maxTimeout,
  ttlMs: config.ttl,
  compression: config.compression,
  bytesPerSecond: config.bytesPerSecond,
});
