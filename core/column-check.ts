import type { FleetProblem } from './fleet-problem.ts';

/** Streams of a group without a column, and columns without a stream. */
export function misfitColumns(
  streams: readonly string[],
  columns: Readonly<Record<string, string>>,
  path: readonly (string | number)[],
): FleetProblem[] {
  const missing = streams
    .filter((stream) => !Object.hasOwn(columns, stream))
    .map((stream) => ({ path: [...path], message: `stream "${stream}" of the group has no column` }));
  const foreign = Object.keys(columns)
    .filter((stream) => !streams.includes(stream))
    .map((stream) => ({ path: [...path, stream], message: `stream "${stream}" is not in the streams of the group` }));
  return [...missing, ...foreign];
}
