import type { StoredEnvelope } from './ports.ts';
import type { Lane } from './priority.ts';
import type { ClockState, Quality } from './reading.ts';
import { isArray, isJson, type Value } from './value.ts';

/** One row of the store of record (docs/adr/0006-stored.md); every store has the same columns. */
export interface StoredRow {
  site: string;
  node: string;
  device: string;
  stream: string;
  /** ms since 1970 UTC. */
  ts: number;
  /** The number; 1 or 0 for a boolean; null for everything else. */
  value: number | null;
  /** The text or log line; JSON as its canonical text. */
  text: string | null;
  /** The array: a window at a high rate, a spectrum. */
  samples: readonly number[] | null;
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
      value: numberOf(record.value),
      text: textOf(record.value),
      samples: isArray(record.value) ? record.value : null,
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

const numberOf = (value: Value): number | null =>
  typeof value === 'number' || typeof value === 'boolean' ? Number(value) : null;

function textOf(value: Value): string | null {
  if (typeof value === 'string') return value;
  return isJson(value) ? value.json : null;
}
