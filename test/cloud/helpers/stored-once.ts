import { expect } from '@jest/globals';
import { openDynamoItems } from '../../../adapters/aws/dynamo-items.ts';
import { createNodeIndexReader } from '../../../adapters/aws/node-index.ts';
import { dayOf } from '../../../core/cold-layout.ts';
import { type Lane, priorityOf } from '../../../core/priority.ts';
import { positions, START_MS } from '../../helpers/envelopes.ts';
import { runQuery } from './athena.ts';
import type { FleetCloud } from './fleet-cloud.ts';

/** The day of all records of `envelopeOf`. */
export const DAY = dayOf(START_MS);

/** Positions of a node's lane that a query finds, in order, as often as it finds them. */
export async function landedPositions({ clients, athena }: FleetCloud, node: string, lane: Lane): Promise<number[]> {
  const rows = await runQuery(
    clients,
    athena,
    `SELECT position FROM landing WHERE dt = '${DAY}' AND node = '${node}' AND lane = ${lane} ORDER BY position`,
  );
  return rows.map(({ position }) => Number(position));
}

/** What the index and the counters say of a node; undefined = nothing. */
export async function readNodeIndex({ clients, table }: FleetCloud, node: string) {
  return createNodeIndexReader(await openDynamoItems(clients.dynamo, table))(node);
}

/** SQL over the files, the index and the counters: each of [0, to) once, and nothing else of this lane. */
export async function expectStoredOnce(fleet: FleetCloud, node: string, lane: Lane, to: number): Promise<void> {
  const all = [{ from: 0, to }];
  expect(await landedPositions(fleet, node, lane)).toEqual(positions(all));
  const index = await readNodeIndex(fleet, node);
  expect(index?.lanes.filter(({ key }) => key.lane === lane).map(({ stored }) => stored)).toEqual([all]);
  expect(index?.counts[priorityOf(lane)]).toBe(to);
}
