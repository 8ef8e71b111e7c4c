import { afterEach, expect, test } from '@jest/globals';
import { basicIngestTopic } from '../../core/cloud-names.ts';
import { topicOf } from '../../core/flow.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { connectDevice, type Device, type DeviceOptions, registerThing, type Thing } from './helpers/thing.ts';

/** What the fleet's IoT policy keeps from a node, with the policy as it was deployed. */
const fleet = openFleetCloud();
const { cloud, clients, output } = fleet;
const open: Device[] = [];
afterEach(async () => {
  for (const device of open.splice(0)) await device.close();
});
const connect = async (thing: Thing, options: DeviceOptions): Promise<Device> => {
  const device = await connectDevice(cloud, thing, options);
  open.push(device);
  return device;
};
const register = (name: string): Promise<Thing> => registerThing(clients, name, output('Foundation', 'NodePolicyName'));

test('nobody connects under the name of another node', async () => {
  const thing = await register('strangers-001');
  await connect(thing, { clientId: 'strangers-001' });
  await expect(connect(thing, { clientId: 'strangers-002' })).rejects.toThrow(/closed the connection/);
});

test('nobody speaks for another node, in another fleet, or where rules do not listen', async () => {
  const thing = await register('strangers-003');
  const own = 'strangers-003';
  for (const topic of [
    basicIngestTopic(cloud.fleet, 'bulk', 'strangers-004'),
    basicIngestTopic('other-fleet', 'bulk', own),
    topicOf('bulk', own),
    topicOf('answer', own),
    `${basicIngestTopic(cloud.fleet, 'bulk', own)}/more`,
  ]) {
    const device = await connect(thing, { clientId: own });
    await expect(device.publish(topic, Buffer.from('x'))).rejects.toThrow(/closed the connection/);
  }
});

test('nobody hears the answers to another node', async () => {
  const thing = await register('strangers-005');
  for (const topic of [topicOf('answer', 'strangers-006'), 'headwater/+/answer', '#']) {
    const device = await connect(thing, { clientId: 'strangers-005' });
    await expect(device.subscribe(topic)).rejects.toThrow();
  }
  const device = await connect(thing, { clientId: 'strangers-005' });
  await device.subscribe(topicOf('answer', 'strangers-005'));
});
