import type { StoredRow } from '../core/stored-row.ts';
import type { NodeModel } from './node-model.ts';
import { uidOf } from './workload.ts';

/**
 * What is wrong with a row that just became visible; undefined = nothing, and the model knows it as stored.
 *
 * @param store bit of the far side where it did
 */
export function checkRow(
  row: StoredRow,
  store: number,
  models: ReadonlyMap<string, NodeModel>,
  offsetsOf: (node: string) => readonly number[],
  nowMs: number,
): string | undefined {
  const where = `${row.node}/${row.epoch}/${row.lane}/${row.position}`;
  const model = models.get(row.node);
  const record = model?.recordAt(row.epoch, row.lane, row.position);
  if (!model || !record) return `${where} was never committed: reading ${uidOf(row)}`;
  if ((record.stores & store) !== 0) return `${where} is visible twice: reading ${record.reading.uid}`;
  const { reading } = record;
  const { value } = reading;
  const other = record.orElse.find(({ ts, clock }) => ts === row.ts && clock === row.clock);
  if (other) Object.assign(record, other);
  const corrected = record.clock === 'unsynced' && row.clock === 'synced';
  if (corrected && !isCorrection(row.ts - record.ts, offsetsOf(row.node), nowMs)) {
    return `${where} reading ${reading.uid}: time ${record.ts} of an unsynchronised clock was corrected to ${row.ts}`;
  }
  const expected = {
    site: 'site-1',
    device: reading.device,
    stream: reading.stream,
    ts: corrected ? row.ts : record.ts,
    value: typeof value === 'number' ? value : null,
    text: textOf(value),
    samples: Array.isArray(value) ? (value as number[]) : null,
    quality: reading.quality,
    clock: corrected ? row.clock : record.clock,
    producer: 'sense',
  };
  for (const [name, wanted] of Object.entries(expected)) {
    const found = row[name as keyof StoredRow];
    if (!isSame(found, wanted))
      return `${where} reading ${reading.uid} (${record.clock}): ${name} is ${found}, expected ${wanted}`;
  }
  model.storedBy(record, record.stores | store);
  return undefined;
}

/** A text; an object as JSON, its keys in order. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))));
}

const isSame = (found: unknown, wanted: unknown): boolean =>
  Array.isArray(found) && Array.isArray(wanted)
    ? found.length === wanted.length && found.every((one, at) => Object.is(one, wanted[at]))
    : Object.is(found, wanted);

/** The wall clock was moved by that much once, give or take what it runs fast or slow. */
function isCorrection(byMs: number, offsets: readonly number[], nowMs: number): boolean {
  const drift = 5 + nowMs / 1_000;
  return offsets.some((after) => offsets.some((before) => Math.abs(after - before - byMs) <= drift));
}

/** What is wrong with a row that is not visible any more; undefined = nothing, and the model knows it as outstanding. */
export function forgetRow(row: StoredRow, store: number, models: ReadonlyMap<string, NodeModel>): string | undefined {
  const model = models.get(row.node);
  const record = model?.recordAt(row.epoch, row.lane, row.position);
  if (!model || !record || (record.stores & store) === 0)
    return `${row.node}/${row.epoch}/${row.lane}/${row.position} was not visible`;
  model.storedBy(record, record.stores & ~store);
  return undefined;
}
