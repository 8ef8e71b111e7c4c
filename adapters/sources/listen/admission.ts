import { show } from '../../../core/reading.ts';
import { TLS_REFUSALS } from '../../mqtt/tls-listener.ts';

/** Why a listener turned a connection or a subscription away, or what a device did against the rules. */
export const LISTENER_REFUSALS = [
  ...TLS_REFUSALS,
  'unknown-client',
  'wrong-client-id',
  'subscribe-not-offered',
  'payload-too-large',
  'protocol-error',
  'too-many-in-flight',
] as const;
export type ListenerRefusal = (typeof LISTENER_REFUSALS)[number];

export type Admission = { ok: true } | { ok: false; reason: ListenerRefusal; detail: string };

/** The client id is the name in the certificate: so nobody takes over another's connection, nor its packet ids. */
export function admitClient(
  certificateName: string | undefined,
  clientId: string,
  clients: ReadonlySet<string>,
): Admission {
  if (certificateName === undefined || !clients.has(certificateName)) {
    const detail = `the certificate names ${show(certificateName)}, which is no device or gateway of this port`;
    return { ok: false, reason: 'unknown-client', detail };
  }
  if (clientId === certificateName) return { ok: true };
  const detail = `client id ${show(clientId)}, allowed is the certificate's ${certificateName}`;
  return { ok: false, reason: 'wrong-client-id', detail };
}
