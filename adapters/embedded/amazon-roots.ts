import { rootCertificates } from 'node:tls';
import { commonNameOf, parseCertificate } from './key-pair.ts';

/** https://docs.aws.amazon.com/iot/latest/developerguide/server-authentication.html */
const NAMES: ReadonlySet<string | undefined> = new Set([1, 2, 3, 4].map((number) => `Amazon Root CA ${number}`));

/**
 * The roots that certify the endpoints of IoT Core, PEM, out of those that Node.js brings along. All four: AWS may
 * change the chain of an endpoint to another of them.
 */
export function amazonRoots(): string {
  const roots = rootCertificates.filter((pem) => {
    const certificate = parseCertificate(pem);
    return certificate !== undefined && NAMES.has(commonNameOf(certificate));
  });
  if (roots.length !== NAMES.size) {
    throw new Error(`this Node.js brings ${roots.length} of the ${NAMES.size} Amazon roots: give them with --ca FILE`);
  }
  return `${roots.join('\n')}\n`;
}
