import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { landingKey, partialKeyOf, stagingKey } from '../../core/cold-layout.ts';
import type { CompareResult } from '../../lambdas/compare/env.ts';
import { EPOCH_A, positions, recordAt } from '../helpers/envelopes.ts';
import { eventually } from '../helpers/processes.ts';
import { runQuery } from './helpers/athena.ts';
import { batchesOf } from './helpers/batches.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { invokeFunction } from './helpers/functions.ts';
import { listKeys } from './helpers/objects.ts';
import { openNodes } from './helpers/open-nodes.ts';
import { DAY, readNodeIndex } from './helpers/stored-once.ts';

/** From a device's publish to the row that Athena finds, through the stacks and functions as they were deployed. */
const fleet = openFleetCloud();
const { cloud, clients, bucket, athena } = fleet;

const { join } = openNodes(fleet);

const shipped = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, `../../lib/queries/${name}.sql`), 'utf8');
const rowsOf = (node: string) =>
  runQuery(
    clients,
    athena,
    `SELECT lane, position, device, stream, to_unixtime(ts) AS ts, value, quality, producer, epoch FROM landing
     WHERE dt = '${DAY}' AND node = '${node}' ORDER BY lane, position`,
  );
const ledgerOf = async (node: string) =>
  (await runQuery(clients, athena, shipped('ledger-count'), [`'${DAY}'`, `'${DAY}'`])).filter(
    (row) => row.node === node,
  );
const range = (from: number, to: number) => ({ from, to });

test('envelopes are stored, answered, found by SQL, indexed and counted, and the three counts agree', async () => {
  const node = await join('first-row-001');
  await Promise.all([node.sendEnvelope(0, 20), node.sendEnvelope(20, 50), node.sendEnvelope(0, 5, { lane: 0 })]);

  await node.hearsStored(0, 0, 5);
  await node.hearsStored(2, 0, 50);
  // Answered only once a query can see it: nothing is waited for here.
  const rows = await rowsOf(node.name);
  expect(rows).toEqual(
    [
      ...positions([range(0, 5)]).map((position) => ({ lane: 0, position })),
      ...positions([range(0, 50)]).map((position) => ({ lane: 2, position })),
    ].map(({ lane, position }) => {
      const { device, stream, ts, value, quality } = recordAt(position);
      const identity = { lane: String(lane), position: String(position), producer: 'edge', epoch: EPOCH_A };
      return { ...identity, device, stream, ts: (ts / 1_000).toFixed(1), value: Number(value).toFixed(1), quality };
    }),
  );

  const index = await readNodeIndex(fleet, node.name);
  expect(index?.lanes.map(({ key, stored }) => ({ lane: key.lane, stored }))).toEqual([
    { lane: 0, stored: [range(0, 5)] },
    { lane: 2, stored: [range(0, 50)] },
  ]);
  expect(index?.counts).toEqual({ critical: 5, high: 0, normal: 50, low: 0 });
  expect(await ledgerOf(node.name)).toEqual([
    expect.objectContaining({ lane: '0', records: '5', twice: '0', last_position: '4' }),
    expect.objectContaining({ lane: '2', records: '50', twice: '0', last_position: '49' }),
  ]);
  // Other files plant differences of their own, and take them away again.
  await eventually('the counts to agree', async () => {
    const { failed, result } = await invokeFunction(cloud, fleet.output('Ingest', 'CompareFunctionName'));
    return !failed && (result as CompareResult).difference === 0;
  });
});

test('what was sent again is answered again and stored once', async () => {
  const node = await join('first-row-002');
  const stored = () => node.answers().flatMap(({ items }) => items.filter(({ type }) => type === 'stored'));
  for (const times of [1, 2, 3]) {
    await node.sendEnvelope(0, 10);
    await eventually(`answer ${times}`, () => stored().length >= times);
  }
  expect(await rowsOf(node.name)).toHaveLength(10);
  expect((await readNodeIndex(fleet, node.name))?.counts).toMatchObject({ normal: 10 });
});

test('nothing stays in staging, and what landed gets its summary', async () => {
  const node = await join('first-row-003');
  await node.sendEnvelope(0, 10);
  await node.hearsStored(2, 0, 10);
  const summary = await eventually('the summary of each minute', async () => {
    const rows = await runQuery(clients, athena, shipped('minute-summary'), [`'${DAY}'`]);
    const own = rows.filter((row) => row.node === node.name);
    return own.length > 0 && own;
  });
  expect(summary.map(({ device, records }) => [device, records])).toEqual([
    ['press-000', '4'],
    ['press-001', '3'],
    ['press-002', '3'],
  ]);
  const [batch] = await batchesOf(fleet, { node: node.name, producer: 'edge', epoch: EPOCH_A, lane: 2 });
  expect(await listKeys(clients, bucket, landingKey(batch!, DAY))).toHaveLength(1);
  expect(await listKeys(clients, bucket, partialKeyOf(landingKey(batch!, DAY)))).toHaveLength(1);
  expect(await listKeys(clients, bucket, stagingKey(batch!, DAY))).toEqual([]);
});
