import { cloudProblems } from './cloud-limits.ts';
import type { DeviceGroupConfig, Fleet } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import { numbered } from './node-plan.ts';
import { checkPriorities } from './priority-check.ts';
import { checkSources } from './source-check.ts';
import { checkStreams } from './stream-check.ts';
import { checkUplinks } from './uplink-check.ts';

export const MAX_FLEET_NODES = 10_000;
export const MAX_NODE_DEVICES = 100_000;
/** The journal keeps name and filter state of each, and repeats them at the head of each segment. */
export const MAX_NODE_SERIES = 200_000;
const MAX_NAME_LENGTH = 63;

/** Everything that is wrong between the parts of a fleet: dangling names, doubled nodes, sources that do not fit. */
export function checkFleet(fleet: Fleet): FleetProblem[] {
  const sizes = [...tooManyNodes(fleet), ...tooManyDevices(fleet)];
  // Names are only spelled out once their number is known to be bounded.
  const names = sizes.length > 0 ? [] : [...doubledNodes(fleet), ...doubledDevices(fleet)];
  const cloud = fleet.uplink.some(({ type }) => type === 'iot-core') ? cloudProblems(fleet) : [];
  return [
    ...danglingNames(fleet),
    ...sizes,
    ...longNames(fleet),
    ...names,
    ...checkPriorities(fleet),
    ...checkStreams(fleet),
    ...checkSources(fleet),
    ...checkUplinks(fleet),
    ...cloud,
  ];
}

function danglingNames(fleet: Fleet): FleetProblem[] {
  const problems: FleetProblem[] = [];
  const expect = (known: Record<string, unknown>, value: string, what: string, path: (string | number)[]) => {
    if (Object.hasOwn(known, value)) return;
    problems.push({ path, message: `unknown ${what} "${value}", known: ${someOf(Object.keys(known))}` });
  };
  fleet.nodes.forEach((node, index) => {
    expect(fleet.sites, node.site, 'site', ['nodes', index, 'site']);
    node.deviceGroups.forEach((group, at) => {
      expect(fleet.deviceGroups, group, 'device group', ['nodes', index, 'deviceGroups', at]);
    });
  });
  for (const [name, group] of Object.entries(fleet.deviceGroups)) {
    group.streams.forEach((stream, at) => {
      const path = ['deviceGroups', name, 'streams', at];
      expect(fleet.streams, stream, 'stream', path);
      if (group.streams.indexOf(stream) < at) problems.push({ path, message: `stream "${stream}" is there twice` });
    });
  }
  return problems;
}

/** A long list helps nobody who mistyped one name. */
function someOf(names: string[]): string {
  const shown = names.slice(0, 20).join(', ') || 'none';
  return names.length > 20 ? `${shown} and ${names.length - 20} more` : shown;
}

function tooManyNodes(fleet: Fleet): FleetProblem[] {
  const total = fleet.nodes.reduce((sum, node) => sum + (node.count ?? 1), 0);
  if (total <= MAX_FLEET_NODES) return [];
  return [{ path: ['nodes'], message: `${total} nodes in all, allowed ${MAX_FLEET_NODES}` }];
}

function tooManyDevices(fleet: Fleet): FleetProblem[] {
  return fleet.nodes.flatMap((node, index) => {
    const groups = node.deviceGroups.flatMap((name) => groupOf(fleet, name) ?? []);
    const devices = groups.reduce((sum, group) => sum + (group.count ?? 1), 0);
    const series = groups.reduce((sum, group) => sum + (group.count ?? 1) * group.streams.length, 0);
    const path = ['nodes', index, 'deviceGroups'];
    const problems: FleetProblem[] = [];
    if (devices > MAX_NODE_DEVICES) {
      problems.push({ path, message: `${devices} devices on this node, allowed ${MAX_NODE_DEVICES}` });
    }
    if (series > MAX_NODE_SERIES) {
      const message = `${series} streams of all devices on this node, allowed ${MAX_NODE_SERIES}: use more nodes`;
      problems.push({ path, message });
    }
    return problems;
  });
}

function longNames(fleet: Fleet): FleetProblem[] {
  const check = (name: string, count: number | undefined, path: (string | number)[]): FleetProblem[] => {
    const suffix = count === undefined ? 0 : 1 + Math.max(3, String(count).length);
    const length = name.length + suffix;
    if (length <= MAX_NAME_LENGTH) return [];
    return [{ path, message: `with its number the name has ${length} characters, allowed ${MAX_NAME_LENGTH}` }];
  };
  return [
    ...fleet.nodes.flatMap((node, index) => check(node.name, node.count, ['nodes', index, 'name'])),
    ...Object.entries(fleet.deviceGroups).flatMap(([name, { count }]) => check(name, count, ['deviceGroups', name])),
  ];
}

function doubledNodes(fleet: Fleet): FleetProblem[] {
  const seen = new Set<string>();
  return fleet.nodes.flatMap((node, index) => {
    const names = numbered(node.name, node.count);
    const doubled = names.find((name) => seen.has(name));
    for (const name of names) seen.add(name);
    if (doubled === undefined) return [];
    const message = `node "${doubled}" is there twice; node names are identities and must differ`;
    return [{ path: ['nodes', index, 'name'], message }];
  });
}

/** Device names are identities within a node: one group twice, or `a` counted beside a group named `a-001`. */
function doubledDevices(fleet: Fleet): FleetProblem[] {
  return fleet.nodes.flatMap((node, index) => {
    const seen = new Set<string>();
    return node.deviceGroups.flatMap((name, at) => {
      const group = groupOf(fleet, name);
      if (!group) return [];
      const devices = numbered(name, group.count);
      const clash = devices.find((device) => seen.has(device));
      for (const device of devices) seen.add(device);
      if (clash === undefined) return [];
      const path = ['nodes', index, 'deviceGroups', at];
      return [{ path, message: `device "${clash}" is in this node twice; device names must differ within a node` }];
    });
  });
}

/** A name such as `constructor` is no group unless the file declares it. */
function groupOf(fleet: Fleet, name: string): DeviceGroupConfig | undefined {
  return Object.hasOwn(fleet.deviceGroups, name) ? fleet.deviceGroups[name] : undefined;
}
