import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A private key (PKCS 8) and its certificate, both PEM, proven to belong together. */
export interface KeyPair {
  key: string;
  cert: string;
  certificate: X509Certificate;
}

/** What one end of a mutual TLS connection needs, all PEM. */
export interface TlsMaterial {
  /** The only authority whose certificates this end accepts. */
  ca: string;
  cert: string;
  key: string;
}

export type ParsedKeyPair = { ok: true; pair: KeyPair } | { ok: false; detail: string };

/** Checks that a key and a certificate are readable and belong together. */
export function parseKeyPair(key: string, cert: string): ParsedKeyPair {
  const certificate = parseCertificate(cert);
  if (!certificate) return { ok: false, detail: 'the certificate is not readable PEM' };
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      return { ok: false, detail: 'the private key does not belong to the certificate' };
    }
  } catch {
    // What OpenSSL says about a broken key names internals, not the trouble; the caller names the file.
    return { ok: false, detail: 'the private key is not readable PEM' };
  }
  return { ok: true, pair: { key, cert, certificate } };
}

/** undefined if the text is not exactly a readable certificate. */
export function parseCertificate(cert: string): X509Certificate | undefined {
  try {
    return new X509Certificate(cert);
  } catch {
    return undefined;
  }
}

/** The common name of the subject; undefined if there is none. */
export function commonNameOf(certificate: X509Certificate): string | undefined {
  return certificate.subject
    .split('\n')
    .find((line) => line.startsWith('CN='))
    ?.slice(3);
}

export const isIssuedBy = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

/** When the certificate becomes and stops being valid, ms since 1970. */
export const validityOf = (certificate: X509Certificate): { fromMs: number; toMs: number } => ({
  fromMs: Date.parse(certificate.validFrom),
  toMs: Date.parse(certificate.validTo),
});

/** The text of a file, undefined if there is no such file. Any other trouble throws. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
