import * as z from 'zod';
import { bounded, crossIssue } from './bounded.ts';
import { formatBytes } from './bytes.ts';
import { nextCron, parseCron } from './cron.ts';
import { bytesScalar as bytes, durationScalar as duration } from './scalars.ts';

/** The key `budget` of the fleet file: how much a node may send, and when. */

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Below it one answer of the far side would be more than a day's share. */
const MIN_BUDGET = 64 * 1024;
/** Below it the largest envelope would take longer than any far side waits for it. */
const MIN_RATE = 1024;
const MAX_WINDOWS = 20;

export const rate = bounded(bytes, (value) => value >= MIN_RATE, 'at least 1KiB');
const share = bounded(bytes, (value) => value >= MIN_BUDGET, 'at least 64KiB');

const cron = z
  .string()
  .max(200)
  .check((context) => {
    const parsed = parseCron(context.value);
    const problem = typeof parsed === 'string' ? parsed : nextCron(parsed, 0) === undefined ? 'no such day' : undefined;
    if (problem !== undefined)
      context.issues.push({ code: 'custom', input: context.value, message: `cron: ${problem}` });
  });

const window = z.strictObject({
  cron: cron.describe('When it opens: minute hour day month weekday, in UTC. `0 2 * * *` = each night at two.'),
  for: bounded(duration, (ms) => ms >= MINUTE && ms <= 7 * DAY, 'between 1m and 7d').describe(
    'How long it stays open.',
  ),
});

export const budget = z
  .strictObject({
    bytesPerSecond: rate.optional().describe('What a node may send a second, all classes together. Default: no bound.'),
    perDay: share.optional().describe('What a node may send and receive a UTC day. Default: no bound.'),
    perMonth: share
      .optional()
      .describe('… and a UTC month. Default: no bound.')
      .meta({ $comment: 'at least 64KiB, and at least perDay' }),
    whenUsedUp: z
      .enum(['only-critical', 'stop'])
      .default('only-critical')
      .describe(
        'Until the next day or month: critical records only, beyond the budget, or nothing. Default: only-critical.',
      ),
    backlogShare: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.2)
      .describe('Share of what is sent that old records have for sure while there are new ones. Default: 0.2.'),
    windows: z
      .array(window)
      .max(MAX_WINDOWS)
      .default([])
      .describe('When other than critical records may leave. Default: always.'),
  })
  .superRefine(({ perDay, perMonth }, context) => {
    if (perDay === undefined || perMonth === undefined || perMonth >= perDay) return;
    context.addIssue(crossIssue('perMonth', `at least perDay, which is ${formatBytes(perDay)}`));
  })
  .describe('How much a node may send, and when.');
export type BudgetConfig = z.output<typeof budget>;
export const NO_BUDGET: BudgetConfig = budget.parse({});
