import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { nearNames } from '../../bin/near-names.ts';
import { chooseFarSides, chooseUplinks } from '../../bin/running/far-side-choice.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';

const HUB = { name: 'hub', type: 'hub', host: 'hub.plant', port: 8883 } as const;
const SPARE = { name: 'spare', type: 'hub', host: 'spare.plant', port: 8884 } as const;
const cloud = (endpoint?: string) => ({ name: 'iot-core', type: 'iot-core', endpoint, port: 443 }) as const;

test('a hub: the options, then the fleet file', () => {
  expect(chooseFarSides({}, [HUB])).toEqual([{ hub: { host: 'hub.plant', port: 8883 } }]);
  expect(chooseFarSides({ hub: '10.0.0.1:9000' }, [HUB])).toEqual([{ hub: { host: '10.0.0.1', port: 9000 } }]);
  expect(chooseFarSides({ hub: '[::1]', mqttPort: 1 }, [HUB])).toEqual([{ hub: { host: '::1', port: 1 } }]);
});

test('IoT Core: the option, then the fleet file, then what lies beside the credentials', () => {
  const option = { endpoint: 'a.example:8883' };
  const chosen = (given: object, endpoint?: string) => chooseFarSides(given, [cloud(endpoint)]);
  expect(chosen(option, 'b.example')).toEqual([{ iotCore: { endpoint: { host: 'a.example', port: 8883 } } }]);
  expect(chosen({ endpoint: 'a.example' })).toEqual([{ iotCore: { endpoint: { host: 'a.example', port: 443 } } }]);
  expect(chosen({}, 'b.example')).toEqual([{ iotCore: { endpoint: { host: 'b.example', port: 443 } } }]);
  expect(chosen({})).toEqual([{ iotCore: { endpoint: undefined } }]);
});

test('several: each option is about the first of its kind', () => {
  expect(chooseFarSides({ hub: 'x', endpoint: 'y:1' }, [cloud(), HUB, SPARE])).toEqual([
    { iotCore: { endpoint: { host: 'y', port: 1 } } },
    { hub: { host: 'x', port: 8883 } },
    { hub: { host: 'spare.plant', port: 8884 } },
  ]);
});

test('options for a kind of uplink that the fleet does not have are refused, not ignored', () => {
  expect(() => chooseFarSides({ endpoint: 'x' }, [HUB, SPARE])).toThrow(/--endpoint x: .* uplink is a hub/);
  expect(() => chooseFarSides({ hub: 'x' }, [cloud()])).toThrow(/--hub x: .* uplink is iot-core/);
  expect(() => chooseFarSides({ mqttPort: 1 }, [cloud()])).toThrow(/--mqtt-port 1: /);
  expect(() => chooseFarSides({ hub: 'a:99999' }, [HUB])).toThrow(
    '--hub a:99999: the port is 99999, allowed 0 to 65535',
  );
  expect(() => chooseFarSides({ hub: 'a:b:c' }, [HUB])).toThrow('--hub a:b:c: expected host or host:port');
});

test("credentials: a folder of the uplink's name in the given one, else the given one; without one, where hub and provision put them", async () => {
  const { path, remove } = await makeTemporaryDirectory();
  try {
    const folders = (given?: string) => {
      const options = given === undefined ? { data: path } : { data: path, credentials: given };
      return chooseUplinks(options, { node: 'n-1', uplinks: [HUB, SPARE, cloud()] }).map(
        ({ credentials }) => credentials,
      );
    };
    const given = join(path, 'given');
    const own = join(path, 'nodes', 'n-1', 'credentials');
    expect(folders()).toEqual([own, own, own]);
    mkdirSync(join(path, 'hub', 'pki', 'credentials', 'n-1'), { recursive: true });
    const hubs = join(path, 'hub', 'pki', 'credentials', 'n-1');
    expect(folders()).toEqual([hubs, hubs, own]);
    expect(folders(given)).toEqual([given, given, given]);
    mkdirSync(join(given, 'spare'), { recursive: true });
    mkdirSync(join(given, 'iot-core'));
    expect(folders(given)).toEqual([given, join(given, 'spare'), join(given, 'iot-core')]);
  } finally {
    await remove();
  }
});

test('near names: what was meant, best first; nothing far', () => {
  const names = ['pump-001', 'pump-002', 'press-hall', 'utilities'];
  expect(nearNames('pmup-001', names)[0]).toBe('pump-001');
  expect(nearNames('presshall', names)).toEqual(['press-hall']);
  expect(nearNames('xyz', names)).toEqual([]);
  expect(nearNames('pump-003', names)).toEqual(['pump-001', 'pump-002']);
});
