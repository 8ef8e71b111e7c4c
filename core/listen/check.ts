import { misfitColumns } from '../column-check.ts';
import type { DeviceGroupConfig, Fleet, NodeConfig } from '../fleet.ts';
import type { FleetProblem } from '../fleet-problem.ts';
import { numbered } from '../node-plan.ts';
import { coversDevice } from './client-rights.ts';
import { REMEMBERED_PER_OPEN } from './redelivery-window.ts';
import type { ListenSourceConfig } from './schema.ts';
import { isSamePattern, parseTopicPattern, topicsOverlap } from './topic-pattern.ts';

/** What the journal of a node has to remember of messages, to know them if they are delivered again. */
export const MAX_REMEMBERED = 65_536;
/** What belongs to the port, so that groups which share one have to agree. */
const PORT_KEYS = ['host', 'credentials', 'ca', 'maxInFlight', 'maxPayload', 'maxRate'] as const;

type At = (...path: (string | number)[]) => (string | number)[];

/** What does not fit within one group that listens. */
export function checkListener(
  name: string,
  group: DeviceGroupConfig,
  source: ListenSourceConfig,
  at: At,
): FleetProblem[] {
  const parsed = parseTopicPattern(source.topic);
  if (!parsed.ok) return [{ path: at('source', 'topic'), message: parsed.detail }];
  const problems: FleetProblem[] = [];
  const { format, columns, value, time } = source;
  const unwanted = (key: 'columns' | 'value' | 'time', message: string): void => {
    if (source[key] !== undefined) problems.push({ path: at('source', key), message });
  };
  if (format !== 'object') {
    if (!parsed.pattern.hasStream) {
      const message = `format ${format} needs {stream} in the topic, or take format object with columns`;
      problems.push({ path: at('source', 'topic'), message });
    }
    for (const key of ['columns', 'value', 'time'] as const) unwanted(key, 'only with format object');
  } else if (parsed.pattern.hasStream) {
    unwanted('columns', 'the topic names the stream: leave columns out, or {stream}');
  } else {
    unwanted('value', 'the topic names no stream: leave it out and give columns');
    problems.push(...misfitColumns(group.streams, columns ?? {}, at('source', 'columns')));
  }
  if (format === 'object' && time && [value, ...Object.values(columns ?? {})].includes(time.column)) {
    problems.push({ path: at('source', 'time', 'column'), message: `key "${time.column}" holds a value already` });
  }
  return [...problems, ...idleGateways(name, group, source, at)];
}

function idleGateways(name: string, group: DeviceGroupConfig, source: ListenSourceConfig, at: At): FleetProblem[] {
  const devices = numbered(name, group.count);
  return Object.entries(source.gateways).flatMap(([gateway, patterns]) =>
    patterns.flatMap((pattern, index) => {
      if (devices.some((device) => coversDevice(pattern, device))) return [];
      const message = `"${pattern}" covers no device of the group: ${devices[0]}${devices.length > 1 ? ' …' : ''}`;
      return [{ path: at('source', 'gateways', gateway, index), message }];
    }),
  );
}

interface Listening {
  group: string;
  source: ListenSourceConfig;
  clients: number;
  path: (string | number)[];
}

/** Where groups of one node get in each other's way. */
export function checkPorts(fleet: Fleet): FleetProblem[] {
  return fleet.nodes.flatMap((node, index) => {
    const listening = listeningGroups(fleet, node, index);
    return [...listening.flatMap((one, at) => clashes(one, listening.slice(0, at))), ...tooMany(listening, index)];
  });
}

function listeningGroups(fleet: Fleet, node: NodeConfig, index: number): Listening[] {
  return node.deviceGroups.flatMap((group, at) => {
    const config = Object.hasOwn(fleet.deviceGroups, group) ? fleet.deviceGroups[group] : undefined;
    if (config?.source.type !== 'listen') return [];
    const clients = (config.count ?? 1) + Object.keys(config.source.gateways).length;
    return [{ group, source: config.source, clients, path: ['nodes', index, 'deviceGroups', at] }];
  });
}

function clashes(one: Listening, earlier: readonly Listening[]): FleetProblem[] {
  const { path, source } = one;
  const mates = earlier.filter((other) => other.source.port === source.port);
  return mates.flatMap((mate) => {
    const differing = PORT_KEYS.filter((key) => source[key] !== mate.source[key]);
    const problems = differing.map((key) => ({
      path,
      message: `${mate.group} and ${one.group} share port ${source.port}, but not ${key}: ${mate.source[key] ?? 'none'} against ${source[key] ?? 'none'}`,
    }));
    const [mine, its] = [parseTopicPattern(source.topic), parseTopicPattern(mate.source.topic)];
    if (mine.ok && its.ok && topicsOverlap(mine.pattern, its.pattern) && !isSamePattern(mine.pattern, its.pattern)) {
      const message = `${mate.group} and ${one.group} share port ${source.port}, and a topic can be of ${mate.source.topic} and of ${source.topic}: make them equal, or differ in a word`;
      problems.push({ path, message });
    }
    return problems;
  });
}

function tooMany(listening: readonly Listening[], index: number): FleetProblem[] {
  const remembered = listening.reduce(
    (sum, { clients, source }) => sum + clients * REMEMBERED_PER_OPEN * source.maxInFlight,
    0,
  );
  if (remembered <= MAX_REMEMBERED) return [];
  const message = `${remembered} messages to be remembered on this node (devices and gateways × ${REMEMBERED_PER_OPEN} × maxInFlight), allowed ${MAX_REMEMBERED}: lower maxInFlight or use more nodes`;
  return [{ path: ['nodes', index, 'deviceGroups'], message }];
}
