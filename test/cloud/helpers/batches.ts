import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { batchItemKey, laneItemKey } from '../../../adapters/aws/index-items.ts';
import { batchOfStaging, COLD_PREFIXES } from '../../../core/cold-layout.ts';
import type { LaneKey } from '../../../core/identity.ts';
import type { ItemKey } from '../../../core/item-table.ts';
import type { SweepResult } from '../../../lambdas/sweep/env.ts';
import { eventually } from '../../helpers/processes.ts';
import { injectFault } from './faults.ts';
import type { FleetCloud } from './fleet-cloud.ts';
import { invokeFunction } from './functions.ts';
import { listKeys } from './objects.ts';

async function readItem({ clients, table }: FleetCloud, { pk, sk }: ItemKey) {
  const { Item } = await clients.dynamo.send(
    new GetItemCommand({ TableName: table, Key: { pk: { S: pk }, sk: { S: sk } }, ConsistentRead: true }),
  );
  return Item;
}

/** The batches of a lane's last change, whatever became of them. */
export async function batchesOf(fleet: FleetCloud, key: LaneKey): Promise<string[]> {
  const item = await readItem(fleet, laneItemKey(key));
  return JSON.parse(item?.pending?.S ?? '[]');
}

/** undefined = no transaction named it. */
export const batchStateOf = async (fleet: FleetCloud, batch: string): Promise<string | undefined> =>
  (await readItem(fleet, batchItemKey(batch)))?.state?.S;

/** What lies in staging of these batches. */
export const stagedOf = async ({ clients, bucket }: FleetCloud, batches: readonly string[]): Promise<string[]> =>
  (await listKeys(clients, bucket, COLD_PREFIXES.staging)).filter((key) => batches.includes(batchOfStaging(key)!));

/** Runs the sweep as it will find these batches in an hour. */
export async function sweepStaged(fleet: FleetCloud, batches: readonly string[]): Promise<SweepResult> {
  const keys = await eventually(`staged objects of ${batches}`, async () => {
    const found = await stagedOf(fleet, batches);
    return found.length > 0 && found;
  });
  return sweepListing(fleet, keys, 1);
}

let sweeps = 0;
const HOUR_MS = 3_600_000;

/**
 * Runs the sweep, its first listings answered with these keys, an hour old: no object of a test lives so long, and the
 * emulator's objects cannot be made older.
 */
export async function sweepListing(fleet: FleetCloud, keys: readonly string[], listings: number): Promise<SweepResult> {
  const name = fleet.output('Ingest', 'SweepFunctionName');
  const event = `sweep-${process.pid}-${sweeps++}`;
  const fault = injectFault(
    fleet.cloud,
    name,
    { operation: 'ListObjectsV2', event },
    {
      type: 'answer',
      status: 200,
      headers: { 'content-type': 'application/xml' },
      body: listingOf(keys, Date.now() - HOUR_MS),
    },
    listings,
  );
  const { failed, result } = await invokeFunction(fleet.cloud, name, { event });
  if (failed || fault.used() !== listings) {
    throw new Error(`sweep used ${fault.used()} of ${listings} listings and said ${JSON.stringify(result)}`);
  }
  return result as SweepResult;
}

function listingOf(keys: readonly string[], modifiedMs: number): string {
  const contents = keys.map(
    (key) =>
      `<Contents><Key>${key}</Key><LastModified>${new Date(modifiedMs).toISOString()}</LastModified><Size>1</Size></Contents>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated><KeyCount>${keys.length}</KeyCount>${contents.join('')}</ListBucketResult>`;
}
