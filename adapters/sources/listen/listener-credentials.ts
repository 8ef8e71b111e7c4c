import { join, resolve } from 'node:path';
import type { ListenSourceConfig } from '../../../core/listen/schema.ts';
import { parseCertificate, parseKeyPair, readIfThere, type TlsMaterial, validityOf } from '../../embedded/key-pair.ts';

/** `headwater provision listener` writes these. */
export const LISTENER_FILES = { ca: 'ca.crt', cert: 'listener.crt', key: 'listener.key' } as const;

export type ListenerCredentials = { ok: true; tls: TlsMaterial; validToMs: number } | { ok: false; detail: string };

/** Where the node's listener credentials lie. */
export const listenerFolder = (credentials: string, node: string, fleetDirectory: string): string =>
  resolve(fleetDirectory, credentials.replaceAll('{node}', node));

/** As it has to be typed, but for the fleet file and the name that devices dial. */
export const provisionCall = (node: string): string =>
  `headwater provision listener ${node} --fleet FLEET.yaml --host HOST`;

/** What a listener shows its devices and whom it trusts, or what is wrong with it, in words for an operator. */
export async function loadListenerCredentials(
  config: Pick<ListenSourceConfig, 'credentials' | 'ca'>,
  place: { node: string; directory: string },
): Promise<ListenerCredentials> {
  const folder = listenerFolder(config.credentials, place.node, place.directory);
  const paths = {
    ca: config.ca === undefined ? join(folder, LISTENER_FILES.ca) : resolve(place.directory, config.ca),
    cert: join(folder, LISTENER_FILES.cert),
    key: join(folder, LISTENER_FILES.key),
  };
  const texts = { ca: '', cert: '', key: '' };
  for (const part of ['ca', 'cert', 'key'] as const) {
    try {
      const text = await readIfThere(paths[part]);
      if (text === undefined) {
        return { ok: false, detail: `${paths[part]} does not exist: run "${provisionCall(place.node)}"` };
      }
      texts[part] = text;
    } catch (error) {
      return { ok: false, detail: `${paths[part]} cannot be read: ${(error as Error).message}` };
    }
  }
  if (!parseCertificate(texts.ca)) return { ok: false, detail: `${paths.ca} is not a readable PEM certificate` };
  const parsed = parseKeyPair(texts.key, texts.cert);
  if (!parsed.ok) return { ok: false, detail: `${paths.key} and ${paths.cert}: ${parsed.detail}` };
  return { ok: true, tls: texts, validToMs: validityOf(parsed.pair.certificate).toMs };
}
