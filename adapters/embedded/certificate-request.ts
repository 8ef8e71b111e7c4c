import 'reflect-metadata'; // first: @peculiar/x509 injects its parts through it and fails without
import * as x509 from '@peculiar/x509';
import { ALGORITHM, createKeys, importKeys, keyPem } from './ecdsa-keys.ts';

/** A new P-256 key, PKCS 8 PEM. */
export async function createKey(): Promise<string> {
  return keyPem((await createKeys()).privateKey);
}

/**
 * The request of a node for a certificate to its key, PEM.
 *
 * @throws Error if the key is no P-256 private key in PKCS 8 PEM
 */
export async function requestCertificate(key: string, node: string): Promise<string> {
  const keys = await importKeys(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=${node}`,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return `${request.toString('pem')}\n`;
}

export type ParsedRequest =
  /** `publicKey` is SPKI in DER. */
  { ok: true; node: string | undefined; publicKey: Buffer } | { ok: false; detail: string };

/** A request from elsewhere: readable, and signed by the very key that it is for. */
export async function parseRequest(pem: string): Promise<ParsedRequest> {
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
  } catch {
    return { ok: false, detail: 'is not a readable PEM certificate signing request' };
  }
  if (!(await request.verify()))
    return { ok: false, detail: 'is not signed by its own key: it was altered or cut off' };
  const [node] = request.subjectName.getField('CN');
  return { ok: true, node, publicKey: Buffer.from(request.publicKey.rawData) };
}
