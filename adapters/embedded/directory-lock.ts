import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Unix socket paths end at 107 bytes. */
const MAX_SOCKET_PATH = 100;
const ANSWER_MS = 2_000;

export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Makes sure that one process works on a directory. The lock is a listening socket: the kernel lets go of it when the
 * process dies, however it dies, so there is no stale lock to clean up, and no process id to mistake.
 *
 * @throws if another process holds it
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = socketPath(realpathSync(directory));
  const token = randomBytes(16).toString('hex');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(token);
  });
  if (!(await listens(server, path))) {
    if ((await tokenAt(path)) !== undefined) throw inUse(directory);
    rmSync(path, { force: true }); // its process is dead
    if (!(await listens(server, path))) throw inUse(directory);
  }
  // Two processes may have found the same dead socket: who is reached now has won.
  if ((await tokenAt(path)) !== token) {
    server.close();
    throw inUse(directory);
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

const inUse = (directory: string): Error =>
  new Error(`${directory} is in use by another process: stop it first, or choose another --data directory`);

function socketPath(directory: string): string {
  const inside = join(directory, 'lock.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  return join(tmpdir(), `headwater-${createHash('sha256').update(directory).digest('hex').slice(0, 32)}.sock`);
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      resolve(true);
    });
  });
}

/** What the holder of the socket says; undefined if nobody holds it. */
function tokenAt(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = '';
    socket.setTimeout(ANSWER_MS, () => {
      socket.destroy();
      resolve(''); // held, but too busy to answer
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('end', () => resolve(text));
    socket.on('error', () => resolve(undefined));
  });
}
