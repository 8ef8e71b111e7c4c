import { afterAll, expect, test } from '@jest/globals';
import { loadFleet } from '../../adapters/fleet-file.ts';
import { refusedCalls } from '../helpers/allowed-calls.ts';
import { synthesise } from '../helpers/fleet-templates.ts';
import { eventually } from '../helpers/processes.ts';
import { rightsOf } from '../helpers/rights.ts';
import { readCalls } from './helpers/calls.ts';
import { type CloudNode, joinFleet, openFleetCloud } from './helpers/fleet-cloud.ts';
import { invokeFunction } from './helpers/functions.ts';

/** The emulator lets a function do anything; here what each one really did is held against its role. */
const fleet = openFleetCloud();
const { cloud, output } = fleet;
const ROLES = {
  CriticalFunctionName: 'Ingest/Critical/Ingest/Role',
  BulkFunctionName: 'Ingest/Bulk/Ingest/Role',
  AggregateFunctionName: 'Ingest/Summaries/Aggregate/Role',
  SweepFunctionName: 'Ingest/Sweeping/Sweep/Role',
  CompareFunctionName: 'Ingest/Comparing/Compare/Role',
};

let node: CloudNode | undefined;
afterAll(async () => node?.device.close());

test('no function makes a call that its role has no right to', async () => {
  const loaded = await loadFleet(cloud.fleetFile);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const rights = rightsOf(synthesise(loaded.fleet));

  node = await joinFleet(fleet, 'rights-001');
  await node.sendEnvelope(0, 10);
  await node.sendEnvelope(0, 10, { lane: 0 });
  await node.hearsStored(2, 0, 10);
  await node.hearsStored(0, 0, 10);
  for (const name of ['SweepFunctionName', 'CompareFunctionName']) {
    expect(await invokeFunction(cloud, output('Ingest', name))).toMatchObject({ failed: false });
  }
  for (const [name, role] of Object.entries(ROLES)) {
    const calls = await eventually(`calls of ${name}`, () => {
      const made = readCalls(cloud, output('Ingest', name)).flatMap((traced) => traced.calls);
      return made.length > 1 && made;
    });
    expect({ name, refused: refusedCalls(rights, role, calls) }).toEqual({ name, refused: [] });
  }
});
