import type { Reading } from '../reading.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * What one step of a filter did. Every reading that goes in has one fate, now or later:
 * kept.length + filtered + absorbed + held = 1 for each step (held may be negative when a window closes).
 */
export interface FilterStep<State extends JsonValue> {
  /** Adopted only with the commit that holds this step's outcome (docs/adr/0002-journal.md). */
  state: State;
  /** Readings that become records, in order. A filter may release one that it held before. */
  kept: readonly Reading[];
  filtered: number;
  /** Readings that went into a summary or spectrum. */
  absorbed: number;
  /** Change in the number of readings held in a window. */
  held: number;
}

/** A filter of one series (one stream of one device): pure, its whole memory in `state`. */
export interface Filter<State extends JsonValue = JsonValue> {
  step(state: State | undefined, reading: Reading): FilterStep<State>;
}
