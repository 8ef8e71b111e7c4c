import { expect, test } from '@jest/globals';
import { checkReading, STREAM_KINDS } from '../../core/reading.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { rowsOf, type StoredRow } from '../../core/stored-row.ts';
import { checkRow } from '../../simulator/check-rows.ts';
import { createDice } from '../../simulator/dice.ts';
import type { NodeModel } from '../../simulator/node-model.ts';
import type { OfferedReading } from '../../simulator/offered.ts';
import { createReadingMaker, uidOf } from '../../simulator/workload.ts';
import { streamPlan } from '../helpers/edge-node.ts';
import { envelopeOf } from '../helpers/envelopes.ts';

const border = { nowMs: Date.UTC(2026, 0, 1), clock: 'synced' } as const;
const streams = STREAM_KINDS.filter((kind) => kind !== 'boolean').map((kind) => streamPlan(kind, { kind }));
const source = { name: 'source', config: { type: 'simulate' as const, every: 1_000 }, devices: ['d'], streams };

let uids = 1_000;
const maker = (badInputChance: number) =>
  createReadingMaker(createDice(createSeededRandom(7n)), source, badInputChance, () => ++uids);
const fateOf = ({ device, stream, ts, value, quality, plan }: OfferedReading) =>
  checkReading({ device, stream, value, quality, ...(ts !== undefined && { ts }) }, plan?.kind, border);

/** As the store has it. */
function rowOf(offered: OfferedReading): StoredRow {
  const checked = fateOf(offered);
  if (!checked.ok) throw new Error(checked.detail);
  const { header, records } = envelopeOf(0, 1, { site: 'site-1', producer: 'sense', records: [checked.reading] });
  return rowsOf({ header, records, positions: [0] }, 0)[0]!;
}

test('every kind of reading passes the border, and is found again by its row', () => {
  const { readings } = maker(0).batch(1, true, 400);
  expect(new Set(readings.map(({ plan }) => plan!.kind))).toEqual(new Set(streams.map(({ kind }) => kind)));
  for (const offered of readings) expect(uidOf(rowOf(offered))).toBe(offered.uid);
});

test('bad readings are refused with the reason that they expect', () => {
  const { readings } = maker(1).batch(1, true, 300);
  const known = readings.filter(({ plan, device, stream }) => plan && device !== 'nobody' && stream !== 'nothing');
  for (const offered of known) expect(fateOf(offered)).toMatchObject({ ok: false, reason: offered.refusal });
  expect(new Set(known.map(({ refusal }) => refusal)).size).toBe(4);
});

test('a row that differs in its value from what was offered is found out, whatever its kind', () => {
  const { readings } = maker(0).batch(1, true, 200);
  for (const offered of readings.filter(({ ts, value }) => ts !== undefined && value !== null)) {
    const row = rowOf(offered);
    const record = { reading: offered, ts: row.ts, clock: row.clock, orElse: [], stores: 0 };
    const model = { recordAt: () => record, storedBy: () => undefined } as unknown as NodeModel;
    const check = (found: StoredRow) => checkRow(found, 1, new Map([[row.node, model]]), () => [], 0);
    expect(check(row)).toBeUndefined();
    const { value, text, samples } = row;
    const changed = {
      ...row,
      value: value === null ? null : value + 1,
      text: text === null ? null : `${text} `,
      samples: samples === null ? null : [...samples.slice(0, -1), 0.123],
    };
    expect(check(changed)).toMatch(/^node-a.* (value|text|samples) is /);
  }
});
