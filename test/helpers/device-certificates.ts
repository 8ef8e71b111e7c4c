import 'reflect-metadata'; // first, as in the adapters
import { createHash, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { createMemoryRegistry, type MemoryRegistry } from '../../adapters/memory/device-registry.ts';
import { nodePolicyNameOf, siteGroupNameOf } from '../../core/cloud-names.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Signs requests as IoT Core does: the subject of the request, an issuer that no node knows, its id the SHA-256. */
export async function createCloudSigner(validity: { from?: Date; to?: Date } = {}) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  let made = 0;
  return async (csr: string): Promise<{ id: string; pem: string }> => {
    const request = new x509.Pkcs10CertificateRequest(csr);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: String(++made).padStart(2, '0'),
      subject: request.subject,
      issuer: 'OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US',
      notBefore: validity.from ?? new Date(Date.now() - 60_000),
      notAfter: validity.to ?? new Date('2049-12-31T23:59:59Z'),
      signingAlgorithm: ALGORITHM,
      signingKey: keys.privateKey,
      publicKey: await request.publicKey.export(),
    });
    const id = createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex');
    return { id, pem: `${certificate.toString('pem')}\n` };
  };
}

export const ENDPOINT = 'a1b2c3-ats.iot.eu-central-1.amazonaws.com';

/** A registry in which the fleets are deployed. */
export async function createDeployedRegistry(fleets: Record<string, readonly string[]>): Promise<MemoryRegistry> {
  return createMemoryRegistry({
    policies: Object.keys(fleets).map(nodePolicyNameOf),
    groups: Object.entries(fleets).flatMap(([fleet, sites]) => sites.map((site) => siteGroupNameOf(fleet, site))),
    endpoint: ENDPOINT,
    sign: await createCloudSigner(),
  });
}
