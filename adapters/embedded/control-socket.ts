import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { controlPath } from './control-path.ts';

export interface ControlSocket {
  readonly path: string;
  /** Takes no more requests and ends what is open. */
  close(): Promise<void>;
}

export interface ControlSocketLimits {
  /** Of one request, with its line feed. */
  maxRequestBytes: number;
  maxConnections: number;
  /** A client that says nothing for so long is let go; not while its request is worked on. */
  idleMs: number;
}

export const CONTROL_LIMITS: ControlSocketLimits = {
  maxRequestBytes: 64 * 1024,
  maxConnections: 16,
  idleMs: 60_000,
};

const LINE_FEED = 10;
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * Answers requests of this machine's operator: one JSON document a line, one line of JSON back for each, in order. Only
 * the owner of the socket (mode 0600) can connect.
 *
 * @param directory held by this process (directory-lock.ts): so a socket found there is that of a dead one
 * @param answer never rejects
 */
export async function openControlSocket(
  directory: string,
  answer: (line: string) => Promise<object>,
  limits: ControlSocketLimits = CONTROL_LIMITS,
): Promise<ControlSocket> {
  const path = controlPath(directory);
  const isFile = process.platform !== 'win32';
  if (isFile) rmSync(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined); // the client has gone
    serve(socket, answer, limits);
  });
  server.maxConnections = limits.maxConnections;
  await listening(server, path);
  if (isFile) chmodSync(path, 0o600);
  server.on('error', () => undefined); // of one connection that could not be taken
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function serve(socket: Socket, answer: (line: string) => Promise<object>, limits: ControlSocketLimits): void {
  const { maxRequestBytes, idleMs } = limits;
  let pending = Buffer.alloc(0);
  let busy = false;
  const say = (value: object): void => {
    // Who asks and does not read is let go: its answers would pile up here.
    if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
    if (!socket.destroyed) socket.write(`${JSON.stringify(value)}\n`);
  };
  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (;;) {
      const end = pending.indexOf(LINE_FEED);
      if (end < 0 ? pending.length >= maxRequestBytes : end >= maxRequestBytes) {
        say(tooLarge(maxRequestBytes));
        socket.destroySoon();
        return;
      }
      if (end < 0) break;
      const line = pending.subarray(0, end).toString('utf8');
      pending = pending.subarray(end + 1);
      // Nothing more is read meanwhile: a client cannot pile requests up here.
      socket.pause().setTimeout(0);
      say(await answer(line));
    }
    busy = false;
    socket.setTimeout(idleMs).resume();
  };
  socket.setTimeout(idleMs, () => {
    socket.destroy();
  });
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    void work();
  });
}

const tooLarge = (maxBytes: number): object => ({
  ok: false,
  error: 'too-large',
  detail: `request without an end after ${maxBytes} bytes: allowed are ${maxBytes}, a line feed ends it`,
});

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
