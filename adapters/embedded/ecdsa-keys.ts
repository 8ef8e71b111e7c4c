import 'reflect-metadata'; // first: @peculiar/x509 injects its parts through it and fails without
import { type webcrypto as NodeCrypto, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

/** The only kind of key that is made here; hub and IoT Core know it. */
export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export function createKeys(): Promise<NodeCrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<NodeCrypto.CryptoKeyPair>;
}

/** Rejects if the text is no P-256 private key in PKCS 8 PEM. */
export async function importKeys(key: string): Promise<NodeCrypto.CryptoKeyPair> {
  const der = x509.PemConverter.decodeFirst(key);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const { kty, crv, x, y } = await webcrypto.subtle.exportKey('jwk', privateKey);
  const publicKey = await webcrypto.subtle.importKey(
    'jwk',
    { kty, crv, x, y } as NodeCrypto.JsonWebKey,
    ALGORITHM,
    true,
    ['verify'],
  );
  return { privateKey, publicKey };
}

/** PKCS 8 PEM. */
export async function keyPem(key: NodeCrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
