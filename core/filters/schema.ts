import * as z from 'zod';
import { bounded } from '../bounded.ts';
import { durationScalar } from '../scalars.ts';

const none = z.strictObject({ type: z.literal('none') }).describe('Every reading travels.');

const change = z
  .strictObject({
    type: z.literal('change'),
    percent: z
      .number()
      .min(0)
      .max(1_000)
      .optional()
      .describe('Send when the value moved by more than this percentage of the last value sent.'),
    band: z
      .number()
      .min(0)
      .optional()
      .describe('Send when the value moved by more than this, in the unit of the stream.'),
    maxSilence: bounded(durationScalar, (ms) => ms > 0, 'longer than 0')
      .optional()
      .describe('Send at least this often, counted in the time of the readings.'),
  })
  .describe('Sends the first reading, then only changes. Without percent and band any change counts.');

/** The `filter:` of a stream. A new filter is one row here and one in table.ts. */
export const FILTERS = z.discriminatedUnion('type', [none, change]);
export type FilterConfig = z.output<typeof FILTERS>;
export type ChangeFilterConfig = z.output<typeof change>;
