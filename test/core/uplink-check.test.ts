import { expect, test } from '@jest/globals';
import { fleetSchema } from '../../core/fleet.ts';
import { planUplinks } from '../../core/node-plan.ts';
import { checkUplinks } from '../../core/uplink-check.ts';

function fleetWith(more: object) {
  return fleetSchema.parse({
    version: 1,
    name: 'f',
    sites: { s: {} },
    streams: { v: {} },
    deviceGroups: { g: { streams: ['v'], source: { type: 'simulate' } } },
    nodes: [{ name: 'n', site: 's', deviceGroups: ['g'] }],
    ...more,
  });
}
const problems = (more: object) =>
  checkUplinks(fleetWith(more)).map(({ path, message }) => `${path.join('.')}: ${message}`);

test('without a word it is the hub alone', () => {
  const fleet = fleetWith({ hub: { host: 'hub.plant', mqttPort: 8884 } });
  expect(planUplinks(fleet)).toEqual([{ name: 'hub', type: 'hub', host: 'hub.plant', port: 8884 }]);
  expect(checkUplinks(fleet)).toEqual([]);
});

test('names: as given, else the type, the second of a type numbered', () => {
  const uplink = [
    { type: 'hub' },
    { type: 'iot-core' },
    { type: 'hub', host: 'b' },
    { type: 'hub', host: 'c', name: 'far' },
  ];
  expect(planUplinks(fleetWith({ uplink })).map(({ name }) => name)).toEqual(['hub', 'iot-core', 'hub-2', 'far']);
  expect(problems({ uplink })).toEqual([]);
});

test('one to four', () => {
  const parse = (count: number) => {
    const uplink = Array.from({ length: count }, (_, index) => ({ type: 'hub', host: `h-${index}` }));
    return fleetSchema.shape.uplink.safeParse(uplink).success;
  };
  expect([0, 1, 4, 5].map(parse)).toEqual([false, true, true, false]);
});

test('two of one name, or to one place', () => {
  expect(
    problems({
      uplink: [{ type: 'hub', name: 'hub-2' }, { type: 'iot-core' }, { type: 'hub', host: 'x', name: 'iot-core' }],
    }),
  ).toEqual(['uplink.2: the same name as uplink 2, iot-core; each must differ']);
  expect(problems({ uplink: [{ type: 'hub' }, { type: 'hub', port: 8883 }] })).toEqual([
    'uplink.1: the same place to deliver to as uplink 1, the hub at 127.0.0.1:8883; each must differ',
  ]);
  expect(problems({ uplink: [{ type: 'iot-core' }, { type: 'iot-core', port: 443 }] })).toEqual([
    "uplink.1: the same place to deliver to as uplink 1, IoT Core at the account's endpoint; each must differ",
  ]);
});

test('silence is no silence while the cloud still collects', () => {
  const uplink = [{ type: 'iot-core' }, { type: 'hub' }];
  expect(problems({ uplink, cloud: { bulkWindow: '5m' } })).toEqual([
    'failover.silentFor: 180s, allowed at least 360s: the cloud collects messages for 300s (cloud.bulkWindow) before it answers',
  ]);
  expect(problems({ uplink, cloud: { bulkWindow: '5m' }, failover: { silentFor: '6m' } })).toEqual([]);
  expect(problems({ uplink: [{ type: 'iot-core' }], cloud: { bulkWindow: '5m' } })).toEqual([]); // nowhere to go on to
});
