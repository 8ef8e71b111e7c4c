import type { BudgetConfig } from './budget-schema.ts';
import type { FilterConfig } from './filters/schema.ts';
import type { DeviceGroupConfig, Fleet, NodeConfig, SimulateModel, SourceConfig, StreamConfig } from './fleet.ts';
import { type Lane, laneOf, type Priorities } from './priority.ts';
import { planPriorities } from './priority-schema.ts';
import type { StreamKind } from './reading.ts';

/** A stream as a node executes it. `syncMs` 'on-demand' = its records stay local. */
export interface StreamPlan {
  name: string;
  kind: StreamKind;
  unit: string | undefined;
  filter: FilterConfig;
  lane: Lane;
  syncMs: number | 'on-demand';
  simulate: SimulateModel | undefined;
}

/** One source of a node: its devices and what each of them has. */
export interface SourcePlan {
  /** Name of the device group; counters and positions of the source are kept under it. */
  name: string;
  config: SourceConfig;
  devices: readonly string[];
  streams: readonly StreamPlan[];
}

/** Everything one node needs from the fleet file. */
export interface NodePlan {
  fleet: string;
  node: string;
  site: string;
  seed: number;
  journal: NodeConfig['journal'];
  priorities: Priorities;
  budget: BudgetConfig;
  /** In order of preference, with different names. */
  uplinks: readonly UplinkPlan[];
  /** What it shares with the other nodes of its process. @default no bound */
  link?: { bytesPerSecond?: number | undefined };
  failover: Fleet['failover'];
  sources: readonly SourcePlan[];
}

/** Where a node delivers to. */
export type UplinkPlan = { name: string } & (
  | { type: 'hub'; host: string; port: number }
  /** `endpoint` undefined: it lies beside the credentials. */
  | { type: 'iot-core'; endpoint: string | undefined; port: number }
);

export interface PlanOptions {
  /** Apply the `demo:` overlay. */
  demo: boolean;
  /** Take this many nodes at most; wins over `demo.nodes`. */
  nodes?: number | undefined;
}

/** Names of all nodes, in the order of the file; a count gives name-001 … of fixed width, so that names sort. */
export function nodeNames(fleet: Fleet, options: PlanOptions): string[] {
  const all = fleet.nodes.flatMap((node) => numbered(node.name, node.count));
  const limit = options.nodes ?? (options.demo ? fleet.demo?.nodes : undefined);
  return limit === undefined ? all : all.slice(0, limit);
}

/** The plan of one node; undefined if the fleet has no node of that name. */
export function planNode(fleet: Fleet, nodeName: string, options: PlanOptions): NodePlan | undefined {
  const node = fleet.nodes.find((candidate) => isNumberOf(candidate.name, candidate.count, nodeName));
  if (!node) return undefined;
  return {
    fleet: fleet.name,
    node: nodeName,
    site: node.site,
    seed: fleet.seed,
    journal: node.journal,
    priorities: planPriorities(fleet.priorities),
    budget: fleet.budget,
    uplinks: planUplinks(fleet),
    link: fleet.link,
    failover: fleet.failover,
    sources: node.deviceGroups.map((group) => planSource(fleet, group, options)),
  };
}

/** The uplinks as nodes dial them, named. */
export function planUplinks({ uplink, hub }: Pick<Fleet, 'uplink' | 'hub'>): UplinkPlan[] {
  const names = uplinkNames(uplink);
  return uplink.map((one, at): UplinkPlan => {
    const name = names[at]!;
    if (one.type === 'iot-core') return { name, type: 'iot-core', endpoint: one.endpoint, port: one.port };
    return { name, type: 'hub', host: one.host ?? hub.host, port: one.port ?? hub.mqttPort };
  });
}

/** As given, else the type; the second of a type is type-2. */
function uplinkNames(uplinks: Fleet['uplink']): string[] {
  return uplinks.map(({ name, type }, at) => {
    if (name !== undefined) return name;
    const number = uplinks.slice(0, at + 1).filter((other) => other.type === type).length;
    return number === 1 ? type : `${type}-${number}`;
  });
}

function planSource(fleet: Fleet, name: string, options: PlanOptions): SourcePlan {
  const group = fleet.deviceGroups[name]!; // checkFleet proved that it exists
  return {
    name,
    config: group.source,
    devices: deviceNames(name, group, options.demo ? fleet.demo?.devices : undefined),
    streams: group.streams.map((stream) =>
      planStream(stream, fleet.streams[stream]!, options.demo ? fleet.demo?.sync : undefined),
    ),
  };
}

function deviceNames(group: string, config: DeviceGroupConfig, limit: number | undefined): string[] {
  const all = numbered(group, config.count);
  // What devices left out have to say would be refused, so the overlay has no say where they are not made up.
  return limit === undefined || config.source.type !== 'simulate' ? all : all.slice(0, limit);
}

function planStream(name: string, stream: StreamConfig, demoSyncMs: number | undefined): StreamPlan {
  const { kind, unit, filter, priority, sync, simulate } = stream;
  return { name, kind, unit, filter, lane: laneOf(priority), syncMs: shorter(sync, demoSyncMs), simulate };
}

/** The overlay makes on-demand streams travel too: a demonstration that shows nothing would be none. */
function shorter(sync: number | 'on-demand', demoSyncMs: number | undefined): number | 'on-demand' {
  if (demoSyncMs === undefined) return sync;
  return sync === 'on-demand' ? demoSyncMs : Math.min(sync, demoSyncMs);
}

/** `press`, 3 → press-001, press-002, press-003; no count → press. */
export function numbered(name: string, count: number | undefined): string[] {
  if (count === undefined) return [name];
  return Array.from({ length: count }, (_, index) => numberedName(name, count, index + 1));
}

const numberedName = (name: string, count: number, number: number): string =>
  `${name}-${String(number).padStart(Math.max(3, String(count).length), '0')}`;

/** Whether `numbered(name, count)` holds the candidate, without spelling thousands of names. */
export function isNumberOf(name: string, count: number | undefined, candidate: string): boolean {
  if (count === undefined) return candidate === name;
  const number = Number(candidate.slice(name.length + 1));
  return number >= 1 && number <= count && candidate === numberedName(name, count, number);
}
