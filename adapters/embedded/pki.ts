import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Audit, Logger } from '../../core/ports.ts';
import {
  type Authority,
  certifyAuthority,
  createAuthorityKey,
  issueCertificate,
  openAuthority,
  type Subject,
} from './certificate-authority.ts';
import { CREDENTIAL_FILES } from './credentials.ts';
import { makePrivateDirectory, syncDirectory, writeDurably } from './durable-file.ts';
import {
  commonNameOf,
  isIssuedBy,
  type KeyPair,
  parseKeyPair,
  readIfThere,
  type TlsMaterial,
  validityOf,
} from './key-pair.ts';

const DAY_MS = 86_400_000;
/** A certificate that ends within this time is made again at start. */
export const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Nodes get the renewed authority with their own yearly renewal, so it has to come more than a year earlier. */
const RENEW_AUTHORITY_BEFORE_MS = 2 * 365 * DAY_MS;
/** More at once gain nothing: signing takes turns on the pool of threads. */
const ISSUED_AT_ONCE = 16;
const NODE_NAME = /^[a-z0-9][a-z0-9_-]*$/;

export interface PkiPorts {
  /** Where the authority lives; made with mode 700 if it does not exist. */
  directory: string;
  nowMs: () => number;
  logger: Logger;
  audit: Audit;
}

export interface PkiConfig {
  /** Name or address under which nodes dial the hub. `localhost`, 127.0.0.1 and ::1 are always certified too. */
  host: string;
  /** The nodes, or devices of a listener, that get credentials. */
  nodes: readonly string[];
  /** Name of the server's own files. @default 'hub' */
  server?: string;
}

export interface Pki {
  /** For the hub's TLS server. */
  hub: TlsMaterial;
  /** The folder of a node's credentials, for `loadCredentials` or to be carried to another machine. */
  credentialsOf: (node: string) => string;
}

/**
 * Opens the hub's private certificate authority, made at the first start, and sees to it that the hub and every node
 * have a certificate that is theirs, readable and good for at least 30 days.
 *
 * Throws if the authority's key is missing, unreadable or another one's: a new authority would cut off all nodes.
 */
export async function openPki(ports: PkiPorts, config: PkiConfig): Promise<Pki> {
  const { directory } = ports;
  const misnamed = config.nodes.find((node) => !NODE_NAME.test(node));
  if (misnamed !== undefined) throw new Error(`node name ${JSON.stringify(misnamed)}: allowed are a-z, 0-9, - and _`);
  await makePrivateDirectory(join(directory, 'credentials'));
  const issuer = await openIssuer(ports);
  const hub = await keepServer(ports, issuer, config.host, config.server ?? 'hub');
  const credentialsOf = (node: string) => join(directory, 'credentials', node);
  await inTurns(config.nodes, (node) => keepNode(ports, issuer, node, credentialsOf(node)));
  await syncDirectory(join(directory, 'credentials'));
  return { hub: { ca: issuer.pair.cert, cert: hub.cert, key: hub.key }, credentialsOf };
}

interface Issuer {
  pair: KeyPair;
  authority: Authority;
}

async function openIssuer(ports: PkiPorts): Promise<Issuer> {
  const paths = { key: join(ports.directory, 'ca.key'), cert: join(ports.directory, 'ca.crt') };
  const found = { key: await readIfThere(paths.key), cert: await readIfThere(paths.cert) };
  if (found.key === undefined && found.cert !== undefined) {
    throw new Error(
      `${paths.cert} is there but ${paths.key} is missing: restore it from a backup. Removing both makes a new ` +
        'authority and cuts off all nodes until each has new credentials',
    );
  }
  if (found.key === undefined) {
    found.key = await createAuthorityKey();
    await writeDurably(paths.key, found.key, 0o600);
  }
  const issued = found.cert === undefined ? undefined : checkAuthority(found.key, found.cert, paths);
  const pair = issued && isGoodFor(RENEW_AUTHORITY_BEFORE_MS, issued, ports) ? issued : await recertify();
  return { pair, authority: await openAuthority(pair) };

  async function recertify(): Promise<KeyPair> {
    // From the same key: also right after a crash that left a key alone, and when only the certificate was lost.
    const cert = await certifyAuthority(found.key!, ports.nowMs()).catch(() => {
      throw new Error(`${paths.key} is not a readable P-256 private key: restore it from a backup`);
    });
    await writeDurably(paths.cert, cert, 0o644);
    await syncDirectory(ports.directory);
    ports.logger.info({ directory: ports.directory }, 'certificate authority made, or renewed from its key');
    ports.audit.record({ actor: 'hub', action: 'certify-authority', target: paths.cert, outcome: 'allowed' });
    return checkAuthority(found.key!, cert, paths);
  }
}

function checkAuthority(key: string, cert: string, paths: { key: string; cert: string }): KeyPair {
  const parsed = parseKeyPair(key, cert);
  if (parsed.ok) return parsed.pair;
  throw new Error(
    `${paths.key} and ${paths.cert}: ${parsed.detail}. Restore both from a backup; they are never replaced by ` +
      'themselves, since a new authority cuts off all nodes',
  );
}

async function keepServer(ports: PkiPorts, issuer: Issuer, host: string, server: string): Promise<KeyPair> {
  const names = [...new Set([host, 'localhost', '127.0.0.1', '::1'])];
  const answersTo = (pair: KeyPair) =>
    names.every((name) => (isIP(name) ? pair.certificate.checkIP(name) : pair.certificate.checkHost(name)));
  const paths = { key: join(ports.directory, `${server}.key`), cert: join(ports.directory, `${server}.crt`) };
  const kept = await readPair(paths);
  if (kept && isUsable(kept, issuer, ports) && answersTo(kept)) return kept;
  const issued = await issue(ports, issuer, { role: 'hub', names }, paths);
  await syncDirectory(ports.directory);
  return issued;
}

async function keepNode(ports: PkiPorts, issuer: Issuer, node: string, folder: string): Promise<void> {
  await makePrivateDirectory(folder);
  const pathOf = (part: keyof typeof CREDENTIAL_FILES) => join(folder, CREDENTIAL_FILES[part]);
  if ((await readIfThere(pathOf('ca'))) !== issuer.pair.cert) {
    await writeDurably(pathOf('ca'), issuer.pair.cert, 0o644);
  }
  const paths = { key: pathOf('key'), cert: pathOf('cert') };
  const kept = await readPair(paths);
  if (kept && isUsable(kept, issuer, ports) && commonNameOf(kept.certificate) === node) return;
  await issue(ports, issuer, { role: 'node', name: node }, paths);
  await syncDirectory(folder);
  if (kept)
    ports.logger.warn({ node, folder }, 'credentials renewed: copy the folder to the node if it runs elsewhere');
}

async function issue(
  { audit, nowMs }: PkiPorts,
  issuer: Issuer,
  subject: Subject,
  paths: { key: string; cert: string },
): Promise<KeyPair> {
  const pem = await issueCertificate(issuer.authority, subject, nowMs());
  // Key first: after a crash in between the pair does not match and is made again.
  await writeDurably(paths.key, pem.key, 0o600);
  await writeDurably(paths.cert, pem.cert, 0o644);
  const target = subject.role === 'hub' ? 'hub' : subject.name;
  audit.record({ actor: 'hub', action: 'issue-certificate', target, outcome: 'allowed' });
  const parsed = parseKeyPair(pem.key, pem.cert);
  if (!parsed.ok) throw new Error(`certificate just issued for ${target}: ${parsed.detail}`);
  return parsed.pair;
}

async function readPair(paths: { key: string; cert: string }): Promise<KeyPair | undefined> {
  const [key, cert] = await Promise.all([readIfThere(paths.key), readIfThere(paths.cert)]);
  const parsed = parseKeyPair(key ?? '', cert ?? '');
  return parsed.ok ? parsed.pair : undefined;
}

const isUsable = (pair: KeyPair, issuer: Issuer, ports: PkiPorts): boolean =>
  isIssuedBy(pair.certificate, issuer.pair.certificate) && isGoodFor(RENEW_BEFORE_MS, pair, ports);

function isGoodFor(spanMs: number, { certificate }: KeyPair, { nowMs }: PkiPorts): boolean {
  return validityOf(certificate).toMs - nowMs() > spanMs;
}

async function inTurns<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(ISSUED_AT_ONCE, items.length) }, worker));
}
