import type { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import {
  commonNameOf,
  isIssuedBy,
  parseCertificate,
  parseKeyPair,
  readIfThere,
  type TlsMaterial,
  validityOf,
} from './key-pair.ts';

/** The folder that an operator carries to a node holds exactly these. */
export const CREDENTIAL_FILES = { ca: 'ca.crt', cert: 'node.crt', key: 'node.key' } as const;

export interface Credentials extends TlsMaterial {
  /** The node that the certificate names. */
  node: string;
  /** ms since 1970. */
  validToMs: number;
}

export const CREDENTIAL_TROUBLES = [
  'missing-file',
  'unreadable',
  'not-matching',
  'foreign-certificate',
  'expired',
  'not-yet-valid',
  // IoT Core only:
  'not-private',
  'another-node',
  'another-fleet',
] as const;
export type CredentialTrouble = (typeof CREDENTIAL_TROUBLES)[number];

export type LoadedCredentials = { ok: true; credentials: Credentials } | CredentialProblem;

/** A finding: what is wrong and what to do, in words for an operator. */
export interface CredentialProblem {
  ok: false;
  reason: CredentialTrouble;
  detail: string;
}

/**
 * A node's credentials for its hub from its folder, or what is wrong with them and what to do, in words for an operator.
 * `expired` and `not-yet-valid` depend on the clock: a node that has not synchronised yet may try again later.
 *
 * @param nowMs ms since 1970
 */
export async function loadCredentials(directory: string, nowMs: number): Promise<LoadedCredentials> {
  const read = await readCredentialFiles(directory, "copy this node's folder of credentials from the hub");
  return read.ok ? checkCredentials(read.texts, directory, nowMs) : read;
}

/** The three files of a folder, unchecked. */
export async function readCredentialFiles(
  directory: string,
  ifMissing: string,
): Promise<{ ok: true; texts: TlsMaterial } | CredentialProblem> {
  const texts = { ca: '', cert: '', key: '' };
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = join(directory, CREDENTIAL_FILES[part]);
    try {
      const text = await readIfThere(path);
      if (text === undefined) return trouble('missing-file', `${path} does not exist: ${ifMissing}`);
      texts[part] = text;
    } catch (error) {
      return trouble('unreadable', `${path} cannot be read: ${(error as Error).message}`);
    }
  }
  return { ok: true, texts };
}

function checkCredentials(texts: TlsMaterial, directory: string, nowMs: number): LoadedCredentials {
  const pathOf = (part: keyof typeof CREDENTIAL_FILES) => join(directory, CREDENTIAL_FILES[part]);
  const authority = parseCertificate(texts.ca);
  if (!authority) return trouble('unreadable', `${pathOf('ca')} is not a readable PEM certificate`);
  if (!parseCertificate(texts.cert))
    return trouble('unreadable', `${pathOf('cert')} is not a readable PEM certificate`);
  const parsed = parseKeyPair(texts.key, texts.cert);
  if (!parsed.ok) return trouble('not-matching', `${pathOf('key')} and ${pathOf('cert')}: ${parsed.detail}`);
  const { certificate } = parsed.pair;
  const node = commonNameOf(certificate);
  if (node === undefined || !isIssuedBy(certificate, authority)) {
    return trouble('foreign-certificate', `${pathOf('cert')} was not issued by the authority in ${pathOf('ca')}`);
  }
  const untimely =
    checkTime(certificate, pathOf('cert'), nowMs, RENEW) ?? checkTime(authority, pathOf('ca'), nowMs, RENEW);
  return untimely ?? { ok: true, credentials: { ...texts, node, validToMs: validityOf(certificate).toMs } };
}

const RENEW = 'restart the hub, which renews it, and copy the folder again';

/** undefined if the certificate is valid now. */
export function checkTime(
  certificate: X509Certificate,
  path: string,
  nowMs: number,
  ifExpired: string,
): CredentialProblem | undefined {
  const { fromMs, toMs } = validityOf(certificate);
  const dates = `${path} is valid from ${isoOf(fromMs)} to ${isoOf(toMs)}; this machine's clock says ${isoOf(nowMs)}`;
  if (nowMs < fromMs) return trouble('not-yet-valid', `${dates}: set the clock`);
  if (nowMs > toMs) return trouble('expired', `${dates}: ${ifExpired}`);
  return undefined;
}

const isoOf = (ms: number): string => new Date(ms).toISOString();

export function trouble(reason: CredentialTrouble, detail: string): CredentialProblem {
  return { ok: false, reason, detail };
}
