import { expect, test } from '@jest/globals';
import type { Value } from '../../../core/reading.ts';
import { rowsOf } from '../../../core/stored-row.ts';
import { envelopeOf, recordAt, START_MS } from '../../helpers/envelopes.ts';
import { changeOf, storedOf } from '../../helpers/store-change.ts';
import { openStore, rowsIn, withDirectory } from '../../helpers/stores.ts';

const ROWS = 1_024;

// What DuckDB would make of them: one constant, runs, dictionaries of both signs, or of neither.
test.each<[string, (at: number) => Value]>([
  ['0 and −0 in turn', (at) => (at % 2 === 0 ? 0 : -0)],
  ['−0 and 0 in turn', (at) => (at % 2 === 0 ? -0 : 0)],
  ['runs of 0, −0 and 1', (at) => [0, -0, 1][(at >> 6) % 3]!],
  ['a single −0', (at) => (at === 700 ? -0 : 0)],
  ['a single 0', (at) => (at === 700 ? 0 : -0)],
  ['windows at rest', (at) => Array.from({ length: 16 }, (_, sample) => ((sample + at) % 5 === 0 ? -0 : 0))],
  ['numbers, windows, texts and nothing', (at) => [-0, [0, -0], 'NaN', 0][at % 4]!],
])('the hub keeps the sign of each zero, staged, after a restart, and sealed: %s', (_, valueAt) =>
  withDirectory(async (directory) => {
    const records = Array.from({ length: ROWS }, (_, at) => recordAt(at, { value: valueAt(at) }));
    const envelope = envelopeOf(0, ROWS, { records });
    const expected = rowsOf(storedOf(envelope), START_MS);
    let store = await openStore(directory);
    await store.commit(changeOf(envelope));
    expect(await rowsIn(store, directory)).toEqual(expected);
    // Closing writes the log into the database, in which columns are compressed.
    await store.close();
    store = await openStore(directory);
    expect(await rowsIn(store, directory)).toEqual(expected);
    await store.seal();
    expect((await store.size()).staged).toBe(0);
    expect(await rowsIn(store, directory)).toEqual(expected);
    await store.close();
  }),
);
