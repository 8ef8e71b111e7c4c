import type { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CREDENTIAL_FILES, type CredentialProblem, checkTime, readCredentialFiles, trouble } from './credentials.ts';
import { commonNameOf, parseCertificate, parseKeyPair, type TlsMaterial } from './key-pair.ts';
import { readUplinkNote, type UplinkNote } from './uplink-file.ts';

/** The node that the credentials should be for. */
export interface DeviceIdentity {
  node: string;
  fleet: string;
}

export interface DeviceCredentials {
  tls: TlsMaterial;
  /** What `provision device` noted beside them; undefined if the folder was made in another way. */
  note: UplinkNote | undefined;
}

/** What IoT Core may name the holder of a certificate: nobody. */
const NOBODY = 'AWS IoT Certificate';

/** The node that a device certificate is made out to; undefined if it names none. */
export function nodeNamedBy(certificate: X509Certificate): string | undefined {
  const named = commonNameOf(certificate);
  return named === NOBODY ? undefined : named;
}
const AGAIN = 'provision the node again (headwater provision device)';

/**
 * A plain node's credentials for IoT Core from their folder, or what is wrong with them and what to do. Who signed the
 * device's certificate is not asked: IoT Core knows its certificates one by one, and its signer is not in ca.crt, which
 * holds the roots of the endpoint.
 *
 * @param nowMs ms since 1970
 */
export async function loadDeviceCredentials(
  directory: string,
  identity: DeviceIdentity,
  nowMs: number,
): Promise<{ ok: true; credentials: DeviceCredentials } | CredentialProblem> {
  const read = await readCredentialFiles(directory, 'run "headwater provision device" and carry its folder here');
  if (!read.ok) return read;
  const exposed = await exposedKey(directory);
  if (exposed) return exposed;
  const note = await readUplinkNote(directory);
  if (!note.ok) return trouble('unreadable', note.detail);
  const problem = checkPair(read.texts, directory, identity.node, nowMs) ?? checkNote(note.note, directory, identity);
  return problem ?? { ok: true, credentials: { tls: read.texts, note: note.note } };
}

/** A key that others on the machine may read or replace is not the node's alone. */
async function exposedKey(directory: string): Promise<CredentialProblem | undefined> {
  if (process.platform === 'win32') return undefined; // modes say nothing there
  const path = join(directory, CREDENTIAL_FILES.key);
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return trouble('not-private', `${path} has mode ${mode.toString(8)}, allowed is 600: run "chmod 600 ${path}"`);
}

function checkPair(
  { ca, cert, key }: TlsMaterial,
  directory: string,
  node: string,
  nowMs: number,
): CredentialProblem | undefined {
  const pathOf = (part: keyof typeof CREDENTIAL_FILES): string => join(directory, CREDENTIAL_FILES[part]);
  const roots = parseRoots(ca);
  if (!roots) return trouble('unreadable', `${pathOf('ca')} holds no readable PEM certificates`);
  if (!parseCertificate(cert)) {
    return trouble('unreadable', `${pathOf('cert')} is not a readable PEM certificate`);
  }
  const parsed = parseKeyPair(key, cert);
  if (!parsed.ok) return trouble('not-matching', `${pathOf('key')} and ${pathOf('cert')}: ${parsed.detail}`);
  const named = nodeNamedBy(parsed.pair.certificate);
  if (named !== undefined && named !== node) {
    return trouble('another-node', `${pathOf('cert')} is made out to ${named}, this node is ${node}: ${AGAIN}`);
  }
  const untimely = checkTime(parsed.pair.certificate, pathOf('cert'), nowMs, AGAIN);
  if (untimely) return untimely;
  // One root that is valid will do: the endpoint shows a chain to one of them.
  const rootTroubles = roots.map((root) => checkTime(root, pathOf('ca'), nowMs, AGAIN));
  return rootTroubles.includes(undefined) ? undefined : rootTroubles[0];
}

function checkNote(
  note: UplinkNote | undefined,
  directory: string,
  { fleet, node }: DeviceIdentity,
): CredentialProblem | undefined {
  if (note === undefined || note.fleet === fleet) return undefined;
  const detail = `${directory} holds credentials for fleet ${note.fleet}, the fleet file says ${fleet}: give the folder of ${node} in that fleet`;
  return trouble('another-fleet', detail);
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a bundle; undefined if there is none, or one of them cannot be read. */
export function parseRoots(bundle: string): X509Certificate[] | undefined {
  const roots = (bundle.match(PEM) ?? []).map(parseCertificate);
  return roots.length === 0 || roots.includes(undefined) ? undefined : (roots as X509Certificate[]);
}
