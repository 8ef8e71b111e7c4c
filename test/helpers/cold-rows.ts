import { readdir } from 'node:fs/promises';
import type { DuckDbStore } from '../../adapters/embedded/duckdb-store.ts';
import { envelopeOf, recordAt, START_MS } from './envelopes.ts';
import { rowsIn } from './stores.ts';

const DAY_MS = 24 * 3_600_000;

/** Positions 0 … 5 on three days, the last day first. */
export const threeDays = envelopeOf(0, 6, {
  records: [2, 0, 1, 0, 2, 1].map((day, index) => recordAt(index, { ts: START_MS + day * DAY_MS + (9 - index) })),
});

export const positionsIn = async (store: DuckDbStore, directory: string) =>
  (await rowsIn(store, directory)).map(({ position }) => position);
export const coldNames = async (store: DuckDbStore) =>
  (await readdir(store.cold, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
