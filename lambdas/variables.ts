import * as z from 'zod';
import type { NodeGroup } from '../core/node-groups.ts';

/**
 * The environment of the functions, as shapes: the stacks fill them in (a forgotten one does not compile), the
 * functions read them once at their start.
 */

const text = z.string().min(1);

/** JSON of NodeGroup[]. */
const groups = z
  .string()
  .transform((json): unknown => JSON.parse(json))
  .pipe(z.array(z.union([z.tuple([text]), z.tuple([text, z.int().min(1)])])))
  .transform((list): readonly NodeGroup[] => list);

export const ingestVariables = z.object({
  HEADWATER_FLEET: text,
  HEADWATER_NODES: groups,
  HEADWATER_BUCKET: text,
  HEADWATER_TABLE: text,
  HEADWATER_TRAFFIC: z.enum(['critical', 'bulk']),
  /** Keys of landed objects go there. */
  HEADWATER_LANDED_QUEUE_URL: text,
  /** Critical records are told there; only with HEADWATER_TRAFFIC critical. */
  HEADWATER_CRITICAL_TOPIC_ARN: text.optional(),
});
export const aggregateVariables = z.object({ HEADWATER_BUCKET: text });
export const sweepVariables = z.object({
  HEADWATER_BUCKET: text,
  HEADWATER_TABLE: text,
  HEADWATER_LANDED_QUEUE_URL: text,
});
export const compareVariables = z.object({ HEADWATER_FLEET: text, HEADWATER_NODES: groups, HEADWATER_TABLE: text });

export type IngestVariables = z.input<typeof ingestVariables>;
export type AggregateVariables = z.input<typeof aggregateVariables>;
export type SweepVariables = z.input<typeof sweepVariables>;
export type CompareVariables = z.input<typeof compareVariables>;

/**
 * Reads a function's environment.
 *
 * @throws Error that names every variable that is missing or wrong, never a value
 */
export function readVariables<T extends z.ZodType>(
  shape: T,
  environment: Record<string, string | undefined>,
): z.output<T> {
  const read = shape.safeParse(environment);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`environment of the function: ${problems.join('; ')}`);
}
