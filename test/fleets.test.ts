import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadFleet } from '../adapters/fleet-file.ts';
import type { Fleet } from '../core/fleet.ts';
import { fleetSize } from '../core/fleet-size.ts';
import { nodeNames, type PlanOptions, planNode } from '../core/node-plan.ts';

const MAX_DEMO_READINGS_PER_SECOND = 3_000;

const load = async (name: string): Promise<Fleet> => {
  const loaded = await loadFleet(join(import.meta.dirname, '../fleets', `${name}.yaml`));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.fleet;
};

describe.each([
  { name: 'small-factory', nodes: 5, devicesPerNode: 200, sync: 300_000 },
  { name: 'smart-building', nodes: 20, devicesPerNode: 500, sync: 60_000 },
  { name: 'oil-platform', nodes: 50, devicesPerNode: 1_000, sync: 'on-demand' },
  { name: 'smart-city', nodes: 500, devicesPerNode: 10_000, sync: 1_000 },
])('$name', ({ name, nodes, devicesPerNode, sync }) => {
  test('has the promised nodes, devices and sync interval', async () => {
    const fleet = await load(name);
    const names = nodeNames(fleet, { demo: false });
    expect(names).toHaveLength(nodes);
    for (const node of [names[0]!, names.at(-1)!]) {
      const plan = planNode(fleet, node, { demo: false })!;
      expect(plan.sources.reduce((total, source) => total + source.devices.length, 0)).toBe(devicesPerNode);
    }
    const size = fleetSize(fleet, { demo: false });
    expect(size).toMatchObject({ nodes, devices: nodes * devicesPerNode });
    const intervals = Object.values(fleet.streams).map((stream) => stream.sync);
    const usual = intervals.filter((interval) => interval === sync).length;
    expect(usual).toBeGreaterThan(intervals.length / 2);
  });

  test('has critical streams, which travel in real time', async () => {
    const critical = Object.values((await load(name)).streams).filter(({ priority }) => priority === 'critical');
    expect(critical.length).toBeGreaterThan(0);
    expect(critical.map((stream) => stream.sync)).toEqual(critical.map(() => 1_000));
  });

  test('uses every stream, group and site that it declares', async () => {
    const fleet = await load(name);
    const groups = new Set(fleet.nodes.flatMap((node) => node.deviceGroups));
    const streams = new Set(Object.values(fleet.deviceGroups).flatMap((group) => group.streams));
    expect([...groups].sort()).toEqual(Object.keys(fleet.deviceGroups).sort());
    expect([...streams].sort()).toEqual(Object.keys(fleet.streams).sort());
    expect(new Set(fleet.nodes.map((node) => node.site))).toEqual(new Set(Object.keys(fleet.sites)));
  });

  test('has a demo overlay that a laptop bears, and in which everything travels soon', async () => {
    const fleet = await load(name);
    const demo = fleetSize(fleet, { demo: true });
    expect(demo.readingsPerSecond).toBeLessThanOrEqual(MAX_DEMO_READINGS_PER_SECOND);
    expect(demo.readingsPerSecond).toBeGreaterThan(500);
    const [first] = nodeNames(fleet, { demo: true });
    const delays = planNode(fleet, first!, { demo: true })!.sources.flatMap(({ streams }) =>
      streams.map(({ syncMs }) => syncMs),
    );
    expect(Math.max(...delays.map(Number))).toBeLessThanOrEqual(2_000);
  });

  test('is counted as its plans add up', async () => {
    const fleet = await load(name);
    const options: PlanOptions = { demo: true, nodes: 3 };
    const plans = nodeNames(fleet, options).map((node) => planNode(fleet, node, options)!);
    const sources = plans.flatMap((plan) => plan.sources);
    expect(fleetSize(fleet, options)).toMatchObject({
      nodes: plans.length,
      devices: sources.reduce((sum, { devices }) => sum + devices.length, 0),
      series: sources.reduce((sum, { devices, streams }) => sum + devices.length * streams.length, 0),
    });
  });
});

test('a node plan is found by its whole name only', async () => {
  const fleet = await load('smart-city');
  expect(planNode(fleet, 'south-cabinet-007', { demo: false })?.site).toBe('south');
  for (const name of ['south-cabinet', 'south-cabinet-7', 'south-cabinet-000', 'south-cabinet-201', 'constructor']) {
    expect(planNode(fleet, name, { demo: false })).toBeUndefined();
  }
});
