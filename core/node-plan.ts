import type { FilterConfig } from './filters/schema.ts';
import type { DeviceGroupConfig, Fleet, NodeConfig, SimulateModel, SourceConfig, StreamConfig } from './fleet.ts';
import { type Lane, laneOf } from './priority.ts';
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
  uplink: UplinkPlan;
  sources: readonly SourcePlan[];
}

/** Where a node delivers to. */
export type UplinkPlan =
  | { type: 'hub'; host: string; port: number }
  /** `endpoint` undefined: it lies beside the credentials. */
  | { type: 'iot-core'; endpoint: string | undefined; port: number };

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
    uplink: planUplink(fleet),
    sources: node.deviceGroups.map((group) => planSource(fleet, group, options)),
  };
}

function planUplink({ uplink: [first], hub }: Fleet): UplinkPlan {
  if (first?.type === 'iot-core') return { type: 'iot-core', endpoint: first.endpoint, port: first.port };
  return { type: 'hub', host: first?.host ?? hub.host, port: first?.port ?? hub.mqttPort };
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
  // Of a file the rows of devices left out would be refused, so there the overlay has no say.
  return limit === undefined || config.source.type === 'file' ? all : all.slice(0, limit);
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
