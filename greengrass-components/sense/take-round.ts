import { MAX_JSON_BYTES } from '../../core/value.ts';
import type { Offer } from './round.ts';

/** Readings per commit at most, as long as a single offer is not larger. */
export const MAX_ROUND = 20_000;
/** … and about so many bytes of large values: a commit is one block. */
const MAX_ROUND_BYTES = 4 * 1024 * 1024;

/** Takes away the offers that one commit can hold: whole ones, in their order, and one at least. */
export function takeRound(offers: Offer[]): Offer[] {
  let size = 0;
  let bytes = 0;
  let count = 0;
  for (const { batch } of offers) {
    size += batch.readings.length + (batch.refused?.length ?? 0);
    bytes += batch.readings.reduce((sum, { value }) => sum + weightOf(value), 0);
    if (count > 0 && (size > MAX_ROUND || bytes > MAX_ROUND_BYTES)) break;
    count++;
  }
  return offers.splice(0, count);
}

/** About what a value takes beyond that of a number; of an object nothing is known before it is checked. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (Array.isArray(value)) return 8 * value.length;
  return typeof value === 'object' && value !== null ? MAX_JSON_BYTES : 0;
}
