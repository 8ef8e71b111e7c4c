import * as z from 'zod';
import { BYTES_PATTERN, parseBytes } from './bytes.ts';
import { DURATION_PATTERN, parseDuration } from './duration.ts';

/** Building blocks of the fleet file: text at the border, numbers inside. */
export const nameScalar = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a name: 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit');

/** `5m` → 300000 */
export const durationScalar = z
  .string()
  .regex(DURATION_PATTERN, 'a duration such as 250ms, 30s, 5m, 1.5h or 7d')
  .transform((value) => parseDuration(value)!);

/** `64MiB` → 67108864 */
export const bytesScalar = z
  .string()
  .regex(BYTES_PATTERN, 'a size such as 64MiB or 1.5GB')
  .transform((value) => parseBytes(value)!);
