import * as z from 'zod';

/** A message of the landed queue: keys of objects that can be read now. From ingest and from the sweep to aggregate. */
const landed = z.object({ keys: z.array(z.string()) });

export const landedMessage = (keys: readonly string[]): string => JSON.stringify({ keys });

/** @throws Error if it is no such message */
export const readLandedMessage = (body: string): string[] => landed.parse(JSON.parse(body)).keys;
