import { createFailoverUplink } from '../adapters/mqtt/failover-uplink.ts';
import type { NodePlan } from '../core/node-plan.ts';
import type { Clock, Logger, Random, Uplink } from '../core/ports.ts';
import type { VirtualLink } from './virtual-network.ts';
import type { Life } from './world.ts';

/** The way to the far sides of a node, for one of its processes: with several of them the real failover decides. */
export function uplinkTo(
  links: readonly VirtualLink[],
  plan: NodePlan,
  life: Life,
  ports: { clock: Clock; random: Random; logger: Logger },
): Uplink {
  const names = plan.uplinks.map(({ name }) => name);
  if (links.length === 1) return { ...links[0]!.uplinkOf(life), using: () => names[0]! };
  const { unreachableFor, silentFor, probeEvery, steadyFor } = plan.failover;
  return createFailoverUplink({ ...ports, dial: (at) => links[at]!.uplinkOf(life) }, names, {
    unreachableMs: unreachableFor,
    silentMs: silentFor,
    probeEveryMs: probeEvery,
    steadyMs: steadyFor,
  });
}
