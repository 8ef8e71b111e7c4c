/** What of a journal's bytes whom is allowed. */
export interface Quota {
  /** Bytes that commits with critical records may fill. */
  critical: number;
  /** … that commits with other records may. */
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
