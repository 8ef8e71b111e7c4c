import { siteGroupNameOf } from './cloud-names.ts';
import type { Fleet } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import { nodeGroups } from './node-groups.ts';

/** A function's environment holds 4 KB in all (quota "Environment variables"); the other variables need the rest. */
export const MAX_NODES_BYTES = 3_000;
/** A stack holds 500 resources; each site is one, and the rest must stay far below. */
export const MAX_SITES = 300;
/** https://docs.aws.amazon.com/iot/latest/apireference/API_CreateThingGroup.html */
const MAX_GROUP_NAME = 128;

/** HEADWATER_NODES: which nodes the functions know. */
export const nodesVariable = (fleet: Fleet): string => JSON.stringify(nodeGroups(fleet));

/** Why a valid fleet has no room in an account; empty if it has. Each names the value seen and the value allowed. */
export function cloudProblems(fleet: Fleet): FleetProblem[] {
  const problems: FleetProblem[] = [];
  const report = (path: string[], message: string): void => void problems.push({ path, message });
  // Stacks, rules and databases each know one of - and _ only: two fleets would share them.
  if (fleet.name.includes('_')) {
    const instead = fleet.name.replaceAll('_', '-');
    report(['name'], `${fleet.name} holds _, allowed in an account: a-z, 0-9 and -; ${instead} would do`);
  }
  const bytes = Buffer.byteLength(nodesVariable(fleet));
  if (bytes > MAX_NODES_BYTES) {
    report(
      ['nodes'],
      `their names take ${bytes} bytes of the functions' environment, allowed ${MAX_NODES_BYTES}: ` +
        'replace nodes that are alike by one entry with a count',
    );
  }
  const sites = Object.keys(fleet.sites);
  if (sites.length > MAX_SITES) {
    report(['sites'], `${sites.length} thing groups, allowed ${MAX_SITES}: make larger sites or several fleets`);
  }
  for (const site of sites) {
    const { length } = siteGroupNameOf(fleet.name, site);
    if (length <= MAX_GROUP_NAME) continue;
    report(['sites', site], `the name of its thing group has ${length} characters, allowed ${MAX_GROUP_NAME}`);
  }
  return problems;
}
