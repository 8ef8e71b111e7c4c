import { describe, expect, test } from '@jest/globals';
import { type TrafficClass, trafficClassOf } from '../../../core/flow.ts';
import type { Lane } from '../../../core/priority.ts';
import { eventually } from '../../helpers/processes.ts';
import { type Call, readCalls } from '../helpers/calls.ts';
import { injectFault } from '../helpers/faults.ts';
import { type CloudNode, openFleetCloud } from '../helpers/fleet-cloud.ts';
import { coolDown } from '../helpers/functions.ts';
import { openNodes } from '../helpers/open-nodes.ts';
import { expectStoredOnce } from '../helpers/stored-once.ts';

const RECORDS = 12;
const FUNCTIONS: Record<TrafficClass, string> = { critical: 'CriticalFunctionName', bulk: 'BulkFunctionName' };

/**
 * The deployed function's process ends before and after each call that it makes for one envelope. Which calls these are
 * is read from the traces of envelopes that nothing happened to: one met a new process, one a process that is warm.
 *
 * @param group of nodes in fleet.yaml, two for each call and a dozen more
 */
export async function exitsAtEachCall(group: string, lane: Lane): Promise<void> {
  const fleet = openFleetCloud();
  const { cloud, output } = fleet;
  const name = output('Ingest', FUNCTIONS[trafficClassOf(lane)]);
  const { joinNext } = openNodes(fleet);
  const lastOf = (node: CloudNode) => readCalls(cloud, name, node.name).at(-1);

  /** Handled alone: in a batch with envelopes of other tests there would be calls that are not its own. */
  const unharmed = async (): Promise<string[]> => {
    for (let tries = 0; tries < 6; tries++) {
      const node = await joinNext(group);
      await node.sendEnvelope(0, RECORDS, { lane });
      const { event, calls } = await eventually('an envelope to be handled', () => lastOf(node)?.ended && lastOf(node));
      if ((event as { Records: unknown[] }).Records.length === 1) return calls.map(nameOf);
    }
    throw new Error('no envelope was handled alone, tried 6 nodes');
  };
  await coolDown(cloud, name);
  const cold = await unharmed();
  const warm = new Set(await unharmed());

  describe(`${name} ends`, () => {
    test('at calls that are told apart by service and operation', () => {
      expect(new Set(cold).size).toBe(cold.length);
      // The steps of the store, the answer, and what follows.
      expect(cold.length).toBeGreaterThan(8);
    });

    test.each(
      cold.flatMap((call) => [
        { when: 'before' as const, call },
        { when: 'after' as const, call },
      ]),
    )('$when $call', async ({ when, call }) => {
      const [service, operation] = call.split(' ') as [string, string];
      const node = await joinNext(group);
      const fault = injectFault(cloud, name, { service, operation, event: node.name }, { type: 'exit', when });
      // A process that is warm does not make this call again: each that meets the message ends, until a new one does.
      const others = warm.has(call)
        ? undefined
        : injectFault(
            cloud,
            name,
            { operation: 'BatchGetItem', event: node.name },
            { type: 'exit', when: 'before' },
            20,
          );
      await node.sendEnvelope(0, RECORDS, { lane });
      await eventually('the fault', () => fault.used() === 1, 60_000);
      others?.lift();
      await eventually('another process to handle it', () => lastOf(node)?.ended, 60_000);

      const struck = readCalls(cloud, name, node.name).filter(({ calls }) =>
        calls.some((made) => made.fault === 'exit' && nameOf(made) === call),
      );
      expect(struck.map(({ calls, ended }) => [calls.map(nameOf).at(-1), ended])).toEqual([[call, false]]);
      await node.hearsStored(lane, 0, RECORDS);
      await expectStoredOnce(fleet, node.name, lane, RECORDS);
    });
  });
}

const nameOf = ({ service, operation }: Call): string => `${service} ${operation}`;
