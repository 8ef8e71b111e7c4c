import type { Fleet } from './fleet.ts';
import type { PlanOptions } from './node-plan.ts';
import { meanIntervalMs } from './simulate/schema.ts';

/** How large a fleet is, all nodes together. */
export interface FleetSize {
  nodes: number;
  devices: number;
  /** Streams of devices. */
  series: number;
  /** What simulated and system sources make; files and devices that publish have no rate of ours. */
  readingsPerSecond: number;
}

/** Counts a checked fleet, as declared or with the demo overlay. Agrees with the plans of its nodes. */
export function fleetSize(fleet: Fleet, options: PlanOptions): FleetSize {
  const size: FleetSize = { nodes: 0, devices: 0, series: 0, readingsPerSecond: 0 };
  const demo = options.demo ? fleet.demo : undefined;
  let left = options.nodes ?? demo?.nodes ?? Number.POSITIVE_INFINITY;
  for (const node of fleet.nodes) {
    const nodes = Math.min(node.count ?? 1, left);
    left -= nodes;
    size.nodes += nodes;
    for (const name of node.deviceGroups) {
      const group = fleet.deviceGroups[name]!; // checkFleet proved that it exists
      const limit = group.source.type === 'simulate' ? demo?.devices : undefined;
      const devices = nodes * Math.min(group.count ?? 1, limit ?? Number.POSITIVE_INFINITY);
      const series = devices * group.streams.length;
      size.devices += devices;
      size.series += series;
      if (!('every' in group.source)) continue;
      for (const stream of group.streams) {
        const { simulate } = fleet.streams[stream]!;
        const everyMs = Math.max(group.source.every, group.source.type === 'simulate' ? meanIntervalMs(simulate) : 0);
        size.readingsPerSecond += (devices * 1_000) / everyMs;
      }
    }
  }
  return size;
}
