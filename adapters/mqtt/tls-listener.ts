import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { TlsMaterial } from '../embedded/key-pair.ts';
import { createHandshakeGate } from './handshake-gate.ts';

const HANDSHAKE_TIMEOUT_MS = 4_000;
/** Beside two a node: strangers in their handshake, of many addresses. Within the usual limit of open files. */
const SPARE_CONNECTIONS = 4_000;

/** Why a connection was turned away before it could say anything. */
export const TLS_REFUSALS = [
  'foreign-certificate',
  'expired-certificate',
  'no-certificate',
  'tls-failed',
  'too-many-handshakes',
  'too-many-connections',
] as const;
export type TlsRefusal = (typeof TLS_REFUSALS)[number];

export interface TlsListenerPorts {
  tls: TlsMaterial;
  /** A connection whose certificate our authority issued. */
  onConnection: (socket: TLSSocket, address: string) => void;
  /** A handshake that failed. */
  onRefused: (reason: TlsRefusal, address: string, detail: string) => void;
  onError: (error: Error) => void;
}

export interface TlsListener {
  port: number;
  /** Stops accepting; connections stay. */
  stop: () => void;
  /** Ends every connection at once, those in their handshake too. */
  destroy: () => void;
}

/**
 * A TLS port that lets in only clients with a certificate of the given authority.
 * Rejects with what to do when the port cannot be had.
 */
export async function listenTls(
  ports: TlsListenerPorts,
  { host, port, peers }: { host: string; port: number; peers: number },
): Promise<TlsListener> {
  const tls = createTlsServer({
    ca: ports.tls.ca,
    cert: ports.tls.cert,
    key: ports.tls.key,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  // TCP by itself: who has too many handshakes open never costs us one.
  const server = createServer();
  server.maxConnections = peers * 2 + SPARE_CONNECTIONS;
  server.on('drop', (drop) => {
    ports.onRefused('too-many-connections', drop?.remoteAddress ?? UNKNOWN, `allowed ${server.maxConnections}`);
  });
  const gate = createHandshakeGate(peers);
  const open = new Set<Socket>();
  const addresses = new WeakMap<Socket, string>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? UNKNOWN;
    socket.on('error', () => {}); // it is told of as the TLS socket's, or nobody's any more
    const begun = gate.begin(address, endOf(socket));
    if (!begun.ok) {
      socket.destroy();
      ports.onRefused('too-many-handshakes', address, `${begun.allowed} unfinished, and no more are allowed`);
      return;
    }
    open.add(socket);
    addresses.set(socket, address); // a closed socket forgets it
    const end = endOf(socket);
    socket.once('close', () => {
      open.delete(socket);
      gate.finish(end);
    });
    tls.emit('connection', socket);
  });
  tls.on('secureConnection', (socket) => {
    gate.finish(endOf(socket));
    socket.setNoDelay(true); // answers are small and must not wait for more
    ports.onConnection(socket, socket.remoteAddress ?? UNKNOWN);
  });
  tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const { reason, detail } = classify(error, socket);
    // Not documented, but the only way from a TLS socket that is closed already to the connection under it.
    const carrier = (socket as { _parent?: Socket })._parent;
    ports.onRefused(reason, (carrier && addresses.get(carrier)) ?? UNKNOWN, detail);
  });
  await listening(server, host, port);
  server.on('error', ports.onError);
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => server.close(),
    destroy: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

const UNKNOWN = 'unknown address';

/** The same for a TLS socket and the connection under it. */
const endOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

function classify(error: NodeJS.ErrnoException, socket: TLSSocket): { reason: TlsRefusal; detail: string } {
  // Set when the handshake itself went well and only the certificate did not; typed as Error, it is OpenSSL's code.
  const verdict = socket.authorizationError as unknown as string | null | undefined;
  if (verdict) {
    const untimely = verdict === 'CERT_HAS_EXPIRED' || verdict === 'CERT_NOT_YET_VALID';
    return { reason: untimely ? 'expired-certificate' : 'foreign-certificate', detail: String(verdict) };
  }
  const reason = error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' ? 'no-certificate' : 'tls-failed';
  return { reason, detail: error.code ?? error.message };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hints: Record<string, string> = {
        EADDRINUSE: 'another program listens there; choose another port (hub.mqttPort)',
        EACCES: 'ports below 1024 need rights; choose another port (hub.mqttPort)',
        EADDRNOTAVAIL: 'this machine does not have that address',
      };
      const hint = hints[error.code ?? ''] ?? error.message;
      reject(new Error(`cannot listen for MQTT on ${host} port ${port}: ${hint}`, { cause: error }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
