import { join } from 'node:path';
import { loadFleet } from '../../adapters/fleet-file.ts';
import { packageRoot } from '../../bin/package-root.ts';
import type { FilterConfig } from '../../core/filters/schema.ts';
import { type Fleet, fleetSchema } from '../../core/fleet.ts';
import { type NodePlan, nodeNames, planNode } from '../../core/node-plan.ts';
import type { Reading } from '../../core/reading.ts';
import { createSeries } from '../../core/simulate/series.ts';

export const FLEET_FILE = join(packageRoot(), 'fleets/small-factory.yaml');
const EVERY_MS = 2_000;
const START_MS = Date.UTC(2026, 0, 5, 6);
/** What a machine reports in the workload of the claims that need one kind of machine only. */
export const STREAMS = ['spindle-speed', 'vibration', 'motor-temperature', 'motor-current', 'flow'];
const DEVICES = 20;

export async function smallFactory(): Promise<Fleet> {
  const loaded = await loadFleet(FLEET_FILE);
  if (!loaded.ok) throw new Error(`${FLEET_FILE}: ${loaded.problems[0]?.message}`);
  return loaded.fleet;
}

/** Readings of 20 simulated machines with 5 numeric streams each, cycle by cycle; a drop-out repeats the last value. */
export async function machineReadings(count: number): Promise<Reading[]> {
  const fleet = await smallFactory();
  const series = Array.from({ length: DEVICES }, (_, index) => `line-${String(index + 1).padStart(3, '0')}`).flatMap(
    (device) =>
      STREAMS.map((stream) => ({
        device,
        stream,
        last: 0 as Reading['value'],
        valueAt: createSeries(fleet.streams[stream]!.simulate!, { seed: fleet.seed, node: 'bench', device, stream }),
      })),
  );
  return Array.from({ length: count }, (_, index) => {
    const one = series[index % series.length]!;
    const ts = START_MS + Math.floor(index / series.length) * EVERY_MS;
    one.last = one.valueAt(ts) ?? one.last;
    return reading(one.device, one.stream, ts, one.last);
  });
}

/** Readings of all simulated streams of one node of the shipped fleet, as they come in during its first minutes. */
export async function factoryReadings(node: string, count: number): Promise<Reading[]> {
  const fleet = await smallFactory();
  const plan = planNode(fleet, node, { demo: false });
  if (!plan) throw new Error(`no node ${node}, there are ${nodeNames(fleet, { demo: false }).join(', ')}`);
  const sources = plan.sources.flatMap(({ config, devices, streams }) =>
    config.type !== 'simulate'
      ? []
      : {
          every: config.every,
          series: devices.flatMap((device) =>
            streams.map(({ name: stream, simulate }) => ({
              device,
              stream,
              valueAt: createSeries(simulate!, { seed: fleet.seed, node, device, stream }, config.every),
            })),
          ),
        },
  );
  const readings: Reading[] = [];
  for (let ts = START_MS; readings.length < count; ts += 1_000) {
    for (const { every, series } of sources) {
      if (ts % every !== 0) continue;
      for (const { device, stream, valueAt } of series) {
        const value = valueAt(ts);
        if (value !== undefined) readings.push(reading(device, stream, ts, value));
      }
    }
  }
  return readings.slice(0, count);
}

function reading(device: string, stream: string, ts: number, value: Reading['value']): Reading {
  return { device, stream, ts, value, quality: value === null ? 'bad' : 'good', clock: 'synced' };
}

/** A fleet of nodes that each have the 20 machines; real readings come from a file, `csv`. */
export function benchFleet(nodes: readonly string[]): Fleet {
  return fleetSchema.parse({
    version: 1,
    name: 'bench',
    sites: { bench: {} },
    streams: Object.fromEntries(STREAMS.map((stream) => [stream, { sync: 'real-time' }])),
    deviceGroups: {
      line: {
        count: DEVICES,
        streams: STREAMS,
        source: {
          type: 'file',
          path: 'readings.csv',
          time: { column: 'time', format: 'epoch-ms' },
          device: 'device',
          columns: Object.fromEntries(STREAMS.map((stream) => [stream, stream])),
        },
      },
    },
    nodes: nodes.map((name) => ({ name, site: 'bench', deviceGroups: ['line'] })),
  });
}

/** The plan of one of its nodes, with one filter for all streams. */
export function benchPlan(node: string, filter: FilterConfig): NodePlan {
  const plan = planNode(benchFleet([node]), node, { demo: false })!;
  return {
    ...plan,
    sources: plan.sources.map((source) => ({
      ...source,
      streams: source.streams.map((stream) => ({ ...stream, filter })),
    })),
  };
}

/** `machineReadings` as the file that `benchFleet` speaks of: one row a machine and cycle. */
export function csvOf(readings: readonly Reading[]): string {
  const rows = [['time', 'device', ...STREAMS].join(',')];
  for (let at = 0; at + STREAMS.length <= readings.length; at += STREAMS.length) {
    const row = readings.slice(at, at + STREAMS.length);
    rows.push([row[0]!.ts, row[0]!.device, ...row.map(({ value }) => value)].join(','));
  }
  return `${rows.join('\n')}\n`;
}
