import { misfitColumns } from './column-check.ts';
import type { DeviceGroupConfig, FileSourceConfig, Fleet, SimulateModel, StreamConfig } from './fleet.ts';
import type { FleetProblem } from './fleet-problem.ts';
import { checkListener, checkPorts } from './listen/check.ts';
import type { StreamKind } from './reading.ts';

type At = (...path: (string | number)[]) => (string | number)[];

/** What a model makes. */
const KIND_OF_SHAPE: Readonly<Record<SimulateModel['shape'], StreamKind>> = {
  analog: 'number',
  states: 'text',
  switch: 'boolean',
  waveform: 'array',
  log: 'log',
  events: 'json',
};

/** Where a device group's source does not fit the group or its streams. */
export function checkSources(fleet: Fleet): FleetProblem[] {
  const groups = Object.entries(fleet.deviceGroups).flatMap(([name, group]) =>
    checkSource(fleet, name, group, (...path) => ['deviceGroups', name, ...path]),
  );
  return [...groups, ...misfitModels(fleet.streams), ...checkPorts(fleet)];
}

function checkSource(fleet: Fleet, name: string, group: DeviceGroupConfig, at: At): FleetProblem[] {
  const { source } = group;
  switch (source.type) {
    case 'simulate':
      return unmodelledStreams(fleet, group, at);
    case 'system':
      if (group.count === undefined) return [];
      return [{ path: at('count'), message: 'a system source is one device: leave count out' }];
    case 'file':
      return misfitFile(group, source, at);
    case 'listen':
      return checkListener(name, group, source, at);
  }
}

function unmodelledStreams(fleet: Fleet, group: DeviceGroupConfig, at: At): FleetProblem[] {
  return group.streams.flatMap((stream, index) => {
    const config = Object.hasOwn(fleet.streams, stream) ? fleet.streams[stream] : undefined;
    if (!config || config.simulate) return [];
    return [
      {
        path: at('streams', index),
        message: `the group is simulated, but stream "${stream}" has no model: add streams.${stream}.simulate`,
      },
    ];
  });
}

function misfitModels(streams: Record<string, StreamConfig>): FleetProblem[] {
  return Object.entries(streams).flatMap(([name, { kind, simulate }]) => {
    if (!simulate || KIND_OF_SHAPE[simulate.shape] === kind) return [];
    const message = `shape ${simulate.shape} makes ${KIND_OF_SHAPE[simulate.shape]}, but the stream is of kind ${kind}`;
    return [{ path: ['streams', name, 'simulate', 'shape'], message }];
  });
}

function misfitFile(group: DeviceGroupConfig, source: FileSourceConfig, at: At): FleetProblem[] {
  const problems: FleetProblem[] = [];
  if (group.count !== undefined && source.device === undefined) {
    problems.push({
      path: at('count'),
      message: 'a file without a device column is one device: leave count out, or set source.device',
    });
  }
  problems.push(...misfitColumns(group.streams, source.columns, at('source', 'columns')));
  if (source.pace === 'recorded' && source.time === undefined) {
    problems.push({ path: at('source', 'pace'), message: 'pace recorded needs source.time' });
  }
  return problems;
}
