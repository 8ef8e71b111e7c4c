import { join } from 'node:path';
import { createKey, parseRequest, requestCertificate } from '../../adapters/embedded/certificate-request.ts';
import { CREDENTIAL_FILES } from '../../adapters/embedded/credentials.ts';
import { makePrivateDirectory, syncDirectory, writeDurably } from '../../adapters/embedded/durable-file.ts';
import { readIfThere } from '../../adapters/embedded/key-pair.ts';
import { UPLINK_FILE, type UplinkNote, uplinkText } from '../../adapters/embedded/uplink-file.ts';
import { ProvisionError } from './provision-error.ts';

export const REQUEST_FILE = 'node.csr';

/** A node's request for a certificate, checked. */
export interface NodeRequest {
  csr: string;
  /** SPKI, DER. */
  publicKey: Buffer;
}

/** The request for a key that lies in the folder; both are made if they are missing. Twice gives the same key. */
export async function ownRequest(directory: string, node: string): Promise<NodeRequest> {
  await makePrivateDirectory(directory);
  const path = join(directory, CREDENTIAL_FILES.key);
  let key = await readIfThere(path);
  if (key === undefined) {
    key = await createKey();
    await writeDurably(path, key, 0o600);
    await syncDirectory(directory);
  }
  const csr = await requestCertificate(key, node).catch(() => {
    throw new ProvisionError(`${path} is not a P-256 private key in PKCS 8 PEM: name another folder with --out`);
  });
  return checkRequest(csr, path, node);
}

export async function writeRequest(directory: string, { csr }: NodeRequest): Promise<string> {
  const path = join(directory, REQUEST_FILE);
  await writeDurably(path, csr, 0o644);
  await syncDirectory(directory);
  return path;
}

/** @throws ProvisionError if the file cannot be used for this node */
export async function readRequest(path: string, node: string): Promise<NodeRequest> {
  const csr = await readIfThere(path);
  if (csr === undefined) {
    throw new ProvisionError(`${path} does not exist: run "headwater provision csr ${node}" on the node`);
  }
  return checkRequest(csr, path, node);
}

async function checkRequest(csr: string, path: string, node: string): Promise<NodeRequest> {
  const parsed = await parseRequest(csr);
  if (!parsed.ok) throw new ProvisionError(`${path} ${parsed.detail}`);
  if (parsed.node !== node) {
    throw new ProvisionError(`${path} is made out to ${parsed.node ?? 'nobody'}, not to ${node}`);
  }
  return { csr, publicKey: parsed.publicKey };
}

export const readCertificate = (directory: string): Promise<string | undefined> =>
  readIfThere(join(directory, CREDENTIAL_FILES.cert));

/** Written at once when IoT Core has made it: whatever fails afterwards, the next run finds it. */
export async function writeCertificate(directory: string, pem: string): Promise<void> {
  await makePrivateDirectory(directory);
  await writeDurably(join(directory, CREDENTIAL_FILES.cert), pem, 0o644);
  await syncDirectory(directory);
}

/** What the node needs besides its key and certificate. Files that are as they should be are not touched. */
export async function writeSurroundings(directory: string, roots: string, note: UplinkNote): Promise<string[]> {
  const written: string[] = [];
  for (const [name, text] of [
    [CREDENTIAL_FILES.ca, roots],
    [UPLINK_FILE, uplinkText(note)],
  ] as const) {
    if ((await readIfThere(join(directory, name))) === text) continue;
    await writeDurably(join(directory, name), text, 0o644);
    written.push(name);
  }
  if (written.length > 0) await syncDirectory(directory);
  return written;
}
