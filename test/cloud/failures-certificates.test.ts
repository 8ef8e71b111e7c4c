import { CertificateStatus, UpdateCertificateCommand } from '@aws-sdk/client-iot';
import { afterEach, expect, test } from '@jest/globals';
import { basicIngestTopic } from '../../core/cloud-names.ts';
import { encodeEnvelope } from '../../core/envelope-codec.ts';
import { envelopeOf } from '../helpers/envelopes.ts';
import { deliveriesOf } from './helpers/deliveries.ts';
import { INGEST_FUNCTIONS } from './helpers/feed.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { readNodeIndex } from './helpers/stored-once.ts';
import { connectDevice, type Device, registerThing } from './helpers/thing.ts';

/** Who has no certificate, or one that is revoked, does not get as far as a topic. */
const fleet = openFleetCloud();
const { cloud, clients, output } = fleet;
const open: Device[] = [];
afterEach(async () => {
  for (const device of open.splice(0)) await device.close();
});

async function tryToSend(credentials: Parameters<typeof connectDevice>[1], name: string): Promise<void> {
  const device = await connectDevice(cloud, credentials, { clientId: name });
  open.push(device);
  await device.publish(basicIngestTopic(cloud.fleet, 'bulk', name), encodeEnvelope(envelopeOf(0, 10, { node: name })));
}
async function expectNothingStored(name: string): Promise<void> {
  expect(deliveriesOf(fleet, output('Ingest', INGEST_FUNCTIONS.bulk), name)).toEqual([]);
  expect(await readNodeIndex(fleet, name)).toBeUndefined();
}

test.each([
  { status: CertificateStatus.REVOKED, name: 'revoked-001' },
  { status: CertificateStatus.INACTIVE, name: 'revoked-002' },
])('a certificate that is $status', async ({ status, name }) => {
  const thing = await registerThing(clients, name, output('Foundation', 'NodePolicyName'));
  const before = await connectDevice(cloud, thing, { clientId: name });
  await before.close();
  await clients.iot.send(
    new UpdateCertificateCommand({ certificateId: thing.certificateArn.split('/').at(-1), newStatus: status }),
  );
  await expect(tryToSend(thing, name)).rejects.toThrow(/closed the connection|Not authorized/);
  await expectNothingStored(name);
});

test('no certificate', async () => {
  await expect(tryToSend(undefined, 'revoked-003')).rejects.toThrow();
  await expectNothingStored('revoked-003');
});
