import { expect, test } from '@jest/globals';
import { nearNames } from '../../bin/near-names.ts';
import { chooseFarSide } from '../../bin/running/far-side-choice.ts';

const HUB = { type: 'hub', host: 'hub.plant', port: 8883 } as const;
const cloud = (endpoint?: string) => ({ type: 'iot-core', endpoint, port: 443 }) as const;

test('a hub: the options, then the fleet file', () => {
  expect(chooseFarSide({}, HUB)).toEqual({ hub: { host: 'hub.plant', port: 8883 } });
  expect(chooseFarSide({ hub: '10.0.0.1:9000' }, HUB)).toEqual({ hub: { host: '10.0.0.1', port: 9000 } });
  expect(chooseFarSide({ hub: '[::1]', mqttPort: 1 }, HUB)).toEqual({ hub: { host: '::1', port: 1 } });
});

test('IoT Core: the option, then the fleet file, then what lies beside the credentials', () => {
  const option = { endpoint: 'a.example:8883' };
  expect(chooseFarSide(option, cloud('b.example'))).toEqual({
    iotCore: { endpoint: { host: 'a.example', port: 8883 } },
  });
  expect(chooseFarSide({ endpoint: 'a.example' }, cloud())).toEqual({
    iotCore: { endpoint: { host: 'a.example', port: 443 } },
  });
  expect(chooseFarSide({}, cloud('b.example'))).toEqual({ iotCore: { endpoint: { host: 'b.example', port: 443 } } });
  expect(chooseFarSide({}, cloud())).toEqual({ iotCore: { endpoint: undefined } });
});

test('options for the other kind of uplink are refused, not ignored', () => {
  expect(() => chooseFarSide({ endpoint: 'x' }, HUB)).toThrow(/--endpoint x: .* uplink is a hub/);
  expect(() => chooseFarSide({ hub: 'x' }, cloud())).toThrow(/--hub x: .* uplink is iot-core/);
  expect(() => chooseFarSide({ mqttPort: 1 }, cloud())).toThrow(/--mqtt-port 1: /);
  expect(() => chooseFarSide({ hub: 'a:b:c' }, HUB)).toThrow('--hub a:b:c: expected host or host:port');
});

test('near names: what was meant, best first; nothing far', () => {
  const names = ['pump-001', 'pump-002', 'press-hall', 'utilities'];
  expect(nearNames('pmup-001', names)[0]).toBe('pump-001');
  expect(nearNames('presshall', names)).toEqual(['press-hall']);
  expect(nearNames('xyz', names)).toEqual([]);
  expect(nearNames('pump-003', names)).toEqual(['pump-001', 'pump-002']);
});
