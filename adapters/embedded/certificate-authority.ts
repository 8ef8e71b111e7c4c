import 'reflect-metadata'; // first: @peculiar/x509 injects its parts through it and fails without
import { type webcrypto as NodeCrypto, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { ALGORITHM, createKeys, importKeys, keyPem } from './ecdsa-keys.ts';

const DAY_MS = 86_400_000;
export const AUTHORITY_LIFE_MS = 3_652 * DAY_MS;
export const LEAF_LIFE_MS = 365 * DAY_MS;
/** Clocks at the edge are late: a certificate is valid from an hour before it was made. */
const BACKDATE_MS = 3_600_000;

/** The authority, ready to sign. */
export interface Authority {
  certificate: x509.X509Certificate;
  signingKey: NodeCrypto.CryptoKey;
}

export interface Pem {
  key: string;
  cert: string;
}

/** Who gets a certificate: a hub (dialled under these names and addresses) or a node. */
export type Subject = { role: 'hub'; names: readonly string[] } | { role: 'node'; name: string };

/** A new key for an authority, PKCS 8 PEM. */
export async function createAuthorityKey(): Promise<string> {
  return keyPem((await createKeys()).privateKey);
}

/**
 * A self-signed certificate for the authority's key, valid for ten years.
 * Made again from the same key and name it verifies what the older one signed, so it can be renewed in place.
 */
export async function certifyAuthority(key: string, nowMs: number): Promise<string> {
  const keys = await importKeys(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Headwater private CA',
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + AUTHORITY_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return certificate.toString('pem');
}

/** The authority from its files; both were checked to be readable and to belong together. */
export async function openAuthority({ key, cert }: Pem): Promise<Authority> {
  return { certificate: new x509.X509Certificate(cert), signingKey: (await importKeys(key)).privateKey };
}

/** A new key and a certificate for it, valid for a year. */
export async function issueCertificate(authority: Authority, subject: Subject, nowMs: number): Promise<Pem> {
  const keys = await createKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${subject.role === 'hub' ? 'headwater hub' : subject.name}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + LEAF_LIFE_MS),
    signingAlgorithm: ALGORITHM,
    signingKey: authority.signingKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...roleExtensions(subject),
    ],
  });
  return { key: await keyPem(keys.privateKey), cert: certificate.toString('pem') };
}

/** One purpose each: a node's certificate cannot pose as a hub, nor the hub's as a node. */
function roleExtensions(subject: Subject): x509.Extension[] {
  if (subject.role === 'node') return [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])];
  const names = subject.names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value }));
  return [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

/** 16 random bytes; positive and of full length in DER whatever is drawn (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
