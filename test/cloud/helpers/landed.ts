import { landingKey, partialKeyOf } from '../../../core/cold-layout.ts';
import type { LaneKey } from '../../../core/identity.ts';
import { EPOCH_A } from '../../helpers/envelopes.ts';
import { eventually } from '../../helpers/processes.ts';
import { batchesOf } from './batches.ts';
import type { CloudNode, FleetCloud } from './fleet-cloud.ts';
import { listKeys } from './objects.ts';
import { DAY } from './stored-once.ts';

/** The bulk lane of `envelopeOf`. */
export const laneOf = (node: string): LaneKey => ({ node, producer: 'edge', epoch: EPOCH_A, lane: 2 });

export const isThere = async ({ clients, bucket }: FleetCloud, key: string): Promise<boolean> =>
  (await listKeys(clients, bucket, key)).includes(key);

/** Sends ten records; gives the keys of their landed object and its summaries, once both are there. */
export async function sendAndLand(fleet: FleetCloud, node: CloudNode): Promise<{ landed: string; partial: string }> {
  await node.sendEnvelope(0, 10);
  await node.hearsStored(2, 0, 10);
  const [batch, ...more] = await batchesOf(fleet, laneOf(node.name));
  if (batch === undefined || more.length > 0) throw new Error(`${node.name} has ${more.length} more batches than one`);
  const landed = landingKey(batch, DAY);
  const partial = partialKeyOf(landed)!;
  if (!(await isThere(fleet, landed))) throw new Error(`${landed} is not there, but its records were acknowledged`);
  await eventually(`the summaries of ${landed}`, () => isThere(fleet, partial));
  return { landed, partial };
}
