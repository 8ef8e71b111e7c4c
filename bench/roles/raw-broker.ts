import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { Aedes } from 'aedes';
import { openPki } from '../../adapters/embedded/pki.ts';
import { systemClock } from '../../adapters/embedded/system-clock.ts';
import { warningsOnly } from '../support/logger.ts';
import { playRole, roleConfig } from '../support/processes.ts';
import type { RawBrokerConfig, RawBrokerReady, RawBrokerUsage } from '../support/raw-publish.ts';

/** The broker package alone, with the same mutual TLS: it acknowledges each message and forgets it. */
const { directory, node } = roleConfig<RawBrokerConfig>();
const audit = { record: () => undefined };
const pki = await openPki(
  { directory, nowMs: systemClock.wallMs, logger: warningsOnly, audit },
  { host: '127.0.0.1', nodes: [node] },
);
let messages = 0;
const broker = await Aedes.createBroker({ queueLimit: 1_000 });
broker.on('publish', (_packet, client) => {
  if (client) messages++;
});
const { ca, cert, key } = pki.hub;
const sockets = new Set<TLSSocket>();
const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (socket) => {
  socket.setNoDelay(true);
  sockets.add(socket);
  broker.handle(socket);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const ready: RawBrokerReady = { port: (server.address() as AddressInfo).port, credentials: pki.credentialsOf(node) };
await playRole<RawBrokerUsage>(
  ready,
  async () => {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system, messages };
  },
  async () => {
    await new Promise<void>((resolve) => broker.close(resolve));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  },
);
