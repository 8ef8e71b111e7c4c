import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Fleet } from '../../core/fleet.ts';
import { nodeNames } from '../../core/node-plan.ts';

/** Nodes that have a directory, and so perhaps waiting records, but no place in the fleet file any more. */
export function orphanedNodes(data: string, fleet: Fleet): string[] {
  const folder = join(data, 'nodes');
  if (!existsSync(folder)) return [];
  const known = new Set(nodeNames(fleet, { demo: false }));
  return readdirSync(folder).filter((name) => !known.has(name));
}
