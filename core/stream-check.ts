import type { Fleet } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import type { StreamKind } from './value.ts';

/** Each of these says something of its own, and the last one sent would lie in the journal's state for each series. */
const NEVER_FILTERED: readonly StreamKind[] = ['log', 'json', 'array'];

/** Where a stream's filter does not fit its kind. */
export function checkStreams({ streams }: Pick<Fleet, 'streams'>): FleetProblem[] {
  return Object.entries(streams).flatMap(([name, { kind, filter }]) => {
    if (filter.type === 'none' || !NEVER_FILTERED.includes(kind)) return [];
    const message = `filter ${filter.type} compares single values, but the stream is of kind ${kind}: leave the filter out`;
    return [{ path: ['streams', name, 'filter', 'type'], message }];
  });
}
