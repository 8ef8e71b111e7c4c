import { decodeRows } from '../adapters/parquet/landing-rows.ts';
import { COLD_PREFIXES } from '../core/cold-layout.ts';
import { laneKeyText } from '../core/identity.ts';
import { LANES, priorityOf } from '../core/priority.ts';
import { rangesOfText } from '../core/range-text.ts';
import { sameRanges } from '../core/ranges.ts';
import type { StoredRow } from '../core/stored-row.ts';
import type { Problem } from './check-node.ts';
import type { CloudData } from './cloud-data.ts';
import type { Dice } from './dice.ts';
import type { FarLedger } from './far-ledger.ts';

const MAX_DECODED = 10;

/** What is wrong in bucket and table once nothing is under way. */
export async function checkCloudAtRest(data: CloudData, ledger: FarLedger, dice: Dice): Promise<Problem | undefined> {
  return checkIndex(data, ledger) ?? checkCounters(data, ledger) ?? (await checkObjects(data, dice));
}

function checkIndex({ table }: CloudData, ledger: FarLedger): Problem | undefined {
  const items = new Map(table.items().map((item) => [`${item.pk}/${item.sk}`, item]));
  for (const lane of ledger.lanes()) {
    const item = items.get(`${lane.node}/lane#${lane.producer}#${lane.epoch}#${lane.lane}`);
    const stored = item?.stored === undefined ? [] : rangesOfText(item.stored);
    if (sameRanges(stored, lane.visible)) continue;
    const detail = `${laneKeyText(lane)}: index ${JSON.stringify(stored)}, rows ${JSON.stringify(lane.visible)}`;
    return { invariant: 'at rest the index is what can be queried', detail };
  }
  return undefined;
}

function checkCounters({ table }: CloudData, ledger: FarLedger): Problem | undefined {
  const counters = table.items().filter(({ sk }) => sk === 'counts');
  for (const node of new Set(ledger.lanes().map((lane) => lane.node))) {
    const item = counters.find(({ pk }) => pk === node);
    for (const lane of LANES) {
      const counted = Number(item?.[`stored_${priorityOf(lane)}`] ?? 0);
      const { rows } = ledger.of(node).lanes[lane]!;
      if (counted === rows) continue;
      const detail = `${node} ${priorityOf(lane)}: counted ${counted}, rows ${rows}`;
      return { invariant: 'at rest the counters are what can be queried', detail };
    }
  }
  return undefined;
}

/** The rows of some objects are what they are taken for. */
async function checkObjects({ objects, rows }: CloudData, dice: Dice): Promise<Problem | undefined> {
  const keys = objects.keys(COLD_PREFIXES.landing);
  for (let left = Math.min(MAX_DECODED, keys.length); left > 0; left--) {
    const [key] = keys.splice(dice.int(0, keys.length - 1), 1);
    const found = linesOf(await decodeRows((await objects.get(key!))!));
    const expected = linesOf(rows.in(key!) ?? []);
    if (found !== expected) return { invariant: 'an object holds its rows', detail: `${key}: ${found} ≠ ${expected}` };
  }
  return undefined;
}

const linesOf = (rows: readonly StoredRow[]): string =>
  rows
    .map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort()
    .join('\n');
