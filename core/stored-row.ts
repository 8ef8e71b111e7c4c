import type { StoredEnvelope } from './ports.ts';
import type { Lane } from './priority.ts';
import type { ClockState, Quality } from './reading.ts';

/** One row of the store of record (docs/adr/0006-stored.md); every store has the same columns. */
export interface StoredRow {
  site: string;
  node: string;
  device: string;
  stream: string;
  /** ms since 1970 UTC. */
  ts: number;
  /** The number; 1 or 0 for a boolean; null for text and for a reading without value. */
  value: number | null;
  text: string | null;
  quality: Quality;
  clock: ClockState;
  lane: Lane;
  producer: string;
  epoch: string;
  position: number;
  /** ms since 1970 UTC. */
  stored_at: number;
}

/**
 * The rows of one envelope, in the order of their positions.
 *
 * @throws RangeError if records and positions do not go together, or a time is not a whole number: the caller's bug
 */
export function rowsOf(envelope: StoredEnvelope, storedAtMs: number): StoredRow[] {
  const { header, records, positions } = envelope;
  if (records.length !== positions.length) {
    throw new RangeError(`envelope of ${records.length} records with ${positions.length} positions`);
  }
  return records.map((record, index) => {
    if (!Number.isSafeInteger(record.ts)) throw new RangeError(`ts ${record.ts}, expected whole ms since 1970`);
    return {
      site: header.site,
      node: header.node,
      device: record.device,
      stream: record.stream,
      ts: record.ts,
      value: typeof record.value === 'string' || record.value === null ? null : Number(record.value),
      text: typeof record.value === 'string' ? record.value : null,
      quality: record.quality,
      clock: record.clock,
      lane: header.lane,
      producer: header.producer,
      epoch: header.epoch,
      position: positions[index]!,
      stored_at: storedAtMs,
    };
  });
}
