import type * as z from 'zod';

/**
 * A value with a bound that JSON Schema cannot say of a text such as `5m`. The bound becomes a comment there, from which
 * docs/fleet-file.md has it.
 *
 * @param allowed ends the sentence "expected …": `at least 1h`
 */
export const bounded = <Schema extends z.ZodType>(
  schema: Schema,
  isAllowed: (value: z.output<Schema>) => boolean,
  allowed: string,
): Schema => schema.refine(isAllowed, allowed).meta({ $comment: allowed });

/**
 * What does not fit another key of the same mapping, told of at the key itself.
 *
 * @param unlessGiven what the value is if the file does not give it
 */
export const crossIssue = (key: string, allowed: string, unlessGiven?: string) => ({
  code: 'custom' as const,
  path: [key],
  message: allowed,
  ...(unlessGiven === undefined ? {} : { params: { unlessGiven } }),
});
