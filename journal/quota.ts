import { isLane, type Lane } from '../core/priority.ts';
import type { JournalLane } from './commit-codec.ts';

/** What of a journal's bytes whom is allowed. */
export interface Quota {
  /** Bytes that commits with critical records only may fill. */
  critical: number;
  /** … that commits with any other records may. */
  others: number;
  /** … that counters, and records on their way from one segment to another, may. */
  state: number;
}

/**
 * Segments that nobody's records may take: the last two always stay, and a third is begun before the oldest of them goes.
 * So counters get through, and segments can be emptied, whatever fills the rest.
 */
const RESERVED_SEGMENTS = 3;

/**
 * @param maxBytes of everything in the directory
 * @param segmentBytes what a segment takes
 * @param criticalReserve bytes that only critical records may use
 */
export function quotaOf(maxBytes: number, segmentBytes: number, criticalReserve: number): Quota {
  const critical = maxBytes - RESERVED_SEGMENTS * segmentBytes;
  return { critical, others: critical - criticalReserve, state: maxBytes };
}

/** Which bytes a commit may fill, and the most important class that may have to go for it; undefined = none. */
export interface Admission {
  quota: keyof Quota;
  evictsFrom: Lane | undefined;
}

/**
 * A commit is admitted by the least important of its records: else they would use the critical reserve, or push out what
 * is more important than they are. Whoever is refused can offer the more important ones alone. What stays local pushes
 * nobody out, and neither do counters, which have room of their own.
 */
export function admissionOf(lanes: readonly JournalLane[]): Admission {
  if (lanes.length === 0) return { quota: 'state', evictsFrom: undefined };
  const least = lanes.reduce((a, b) => (a > b ? a : b));
  return { quota: least === 0 ? 'critical' : 'others', evictsFrom: isLane(least) ? least : undefined };
}
