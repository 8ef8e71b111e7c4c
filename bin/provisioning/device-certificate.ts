import { createHash, type X509Certificate } from 'node:crypto';
import { nodeNamedBy } from '../../adapters/embedded/device-credentials.ts';
import { parseCertificate, validityOf } from '../../adapters/embedded/key-pair.ts';
import { certificateIdOf, type RegisteredCertificate } from '../../core/device-registry.ts';
import type { ProvisionPorts } from './audited.ts';
import { type NodeRequest, readCertificate } from './device-folder.ts';
import { ProvisionError } from './provision-error.ts';

interface Wanted {
  node: string;
  request: NodeRequest;
  directory: string;
}

/** A certificate that exists already; `isNewHere` = the folder does not hold it yet. */
export interface FoundCertificate extends RegisteredCertificate {
  isNewHere: boolean;
}

/**
 * The certificate that the registry has for the node's key: the one in the folder, else one that is attached to the
 * thing. undefined if a new one has to be made.
 *
 * @param attached ARNs of the thing's certificates
 * @throws ProvisionError if the folder is another node's, or the certificate for this key does not let it in any more
 */
export async function findCertificate(
  { registry, nowMs }: ProvisionPorts,
  { node, request, directory }: Wanted,
  attached: readonly string[],
): Promise<FoundCertificate | undefined> {
  const here = await certificateIn(directory, node);
  const ids = attached.map(certificateIdOf);
  // The id of a certificate in IoT Core is the SHA-256 of its DER.
  if (here) ids.unshift(createHash('sha256').update(here.raw).digest('hex'));
  for (const id of new Set(ids)) {
    const registered = await registry.findCertificate(id);
    const certificate = registered && parseCertificate(registered.pem);
    if (!registered || !certificate || !isFor(request, certificate)) continue;
    if (registered.status !== 'ACTIVE' || validityOf(certificate).toMs <= nowMs()) {
      const state = registered.status === 'ACTIVE' ? 'has expired' : `is ${registered.status}`;
      throw new ProvisionError(
        `certificate ${id} for the key of ${node} ${state}: the node needs a new key; empty ${directory}, or name another --out (on the node, where the key lies there), and provision again`,
      );
    }
    return { ...registered, isNewHere: here === undefined || !here.raw.equals(certificate.raw) };
  }
  return undefined;
}

async function certificateIn(directory: string, node: string): Promise<X509Certificate | undefined> {
  const pem = await readCertificate(directory);
  const certificate = pem === undefined ? undefined : parseCertificate(pem);
  const named = certificate && nodeNamedBy(certificate);
  if (named !== undefined && named !== node) {
    throw new ProvisionError(`${directory} holds the credentials of ${named}, not of ${node}: name another --out`);
  }
  return certificate;
}

const isFor = ({ publicKey }: NodeRequest, certificate: X509Certificate): boolean =>
  certificate.publicKey.export({ type: 'spki', format: 'der' }).equals(publicKey);
