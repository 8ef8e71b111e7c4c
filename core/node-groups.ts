import type { Fleet } from './fleet.ts';
import { isNumberOf } from './node-plan.ts';

/** `[name]` is one node, `[name, count]` the nodes name-001 … (docs/fleet-file.md). */
export type NodeGroup = readonly [name: string] | readonly [name: string, count: number];

/** The nodes of a fleet in few bytes: an environment variable holds thousands of counted nodes. */
export const nodeGroups = (fleet: Fleet): NodeGroup[] =>
  fleet.nodes.map(({ name, count }): NodeGroup => (count === undefined ? [name] : [name, count]));

/** Whether a fleet has a node of that name. */
export const hasNode = (groups: readonly NodeGroup[], node: string): boolean =>
  groups.some(([name, count]) => isNumberOf(name, count, node));
