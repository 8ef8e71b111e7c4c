import type { TLSSocket } from 'node:tls';

/** The far end of a connection: who its certificate says it is, and where it comes from. */
export interface Peer {
  name: string | undefined;
  address: string;
}
export const labelOf = (peer: Peer): string => peer.name ?? peer.address;

/** To be asked when the connection begins: a closed socket forgets it. */
export function certificateNameOf(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === 'string' ? name : undefined; // several common names come as an array: none counts
}

/** Connections end in many ways that are nobody's fault; aedes reports them as errors all the same. */
export function isLoss(error: NodeJS.ErrnoException): boolean {
  const usual = ['connection closed', 'keep alive timeout', 'drain timeout', 'connect did not arrive in time'];
  return error.code !== undefined || usual.includes(error.message);
}
