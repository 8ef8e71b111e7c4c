import { expect, test } from '@jest/globals';
import { fleetSchema } from '../../../core/fleet.ts';
import { checkFleet } from '../../../core/fleet-check.ts';

type Groups = Record<string, { source?: object; count?: number; streams?: string[] }>;

/** Problems of a fleet with these groups on one node, as `path: message`. */
function problemsOf(groups: Groups): string[] {
  const fleet = fleetSchema.parse({
    version: 1,
    name: 'test',
    sites: { here: {} },
    streams: { level: {}, flow: {} },
    deviceGroups: Object.fromEntries(
      Object.entries(groups).map(([name, { source, streams = ['level'], ...rest }]) => [
        name,
        { streams, ...rest, source: { type: 'listen', ...source } },
      ]),
    ),
    nodes: [{ name: 'node', site: 'here', deviceGroups: Object.keys(groups) }],
  });
  return checkFleet(fleet).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('groups share a port if they agree on it and their topics tell them apart', () => {
  expect(problemsOf({ pump: {}, fan: {}, valve: { source: { topic: 'valves/{device}/x/{stream}' } } })).toEqual([]);
  expect(problemsOf({ pump: {}, fan: { source: { port: 8885, maxRate: 5, topic: '{stream}/{device}' } } })).toEqual([]);
});

test.each<[string, Groups, string[]]>([
  [
    'ports that two groups see differently',
    { pump: { source: { maxRate: 10 } }, fan: { source: { ca: 'other.crt', maxRate: 10 } } },
    ['nodes.0.deviceGroups.1: pump and fan share port 8884, but not ca: none against other.crt'],
  ],
  [
    'topics that could be of two groups',
    { pump: {}, fan: { source: { topic: '{stream}/{device}' } } },
    [
      'nodes.0.deviceGroups.1: pump and fan share port 8884, and a topic can be of {device}/{stream} and of {stream}/{device}: make them equal, or differ in a word',
    ],
  ],
  [
    'a pattern that is none',
    { pump: { source: { topic: 'a/#' } } },
    ['deviceGroups.pump.source.topic: level "#": allowed are {device}, {stream}, and words without { } + #'],
  ],
  [
    'a value without a stream, and keys that only objects have',
    { pump: { source: { topic: '{device}', time: { column: 't' } } } },
    [
      'deviceGroups.pump.source.topic: format value needs {stream} in the topic, or take format object with columns',
      'deviceGroups.pump.source.time: only with format object',
    ],
  ],
  [
    'columns that do not fit the group',
    {
      pump: {
        streams: ['level', 'flow'],
        source: { topic: '{device}', format: 'object', columns: { level: 'l', x: 'y' } },
      },
    },
    [
      'deviceGroups.pump.source.columns: stream "flow" of the group has no column',
      'deviceGroups.pump.source.columns.x: stream "x" is not in the streams of the group',
    ],
  ],
  [
    'columns beside a stream in the topic',
    { pump: { source: { format: 'object', columns: { level: 'l' } } } },
    ['deviceGroups.pump.source.columns: the topic names the stream: leave columns out, or {stream}'],
  ],
  [
    'a time that is a value',
    { pump: { source: { topic: '{device}', format: 'object', columns: { level: 'l' }, time: { column: 'l' } } } },
    ['deviceGroups.pump.source.time.column: key "l" holds a value already'],
  ],
  [
    'a gateway for nobody',
    { pump: { count: 2, source: { gateways: { gw: ['pump-001', 'pumps-*'] } } } },
    ['deviceGroups.pump.source.gateways.gw.1: "pumps-*" covers no device of the group: pump-001 …'],
  ],
  [
    'more to be remembered than a journal should hold',
    { pump: { count: 1_025 } },
    [
      'nodes.0.deviceGroups: 65600 messages to be remembered on this node (devices and gateways × 2 × maxInFlight), allowed 65536: lower maxInFlight or use more nodes',
    ],
  ],
])('%s', (_what, groups, expected) => expect(problemsOf(groups)).toEqual(expected));
