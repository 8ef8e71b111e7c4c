import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Unix socket paths end at 107 bytes, at 103 on some systems. */
const MAX_SOCKET_PATH = 100;
/** What a holder says. */
const HOLDER = /^pid \d+ on .+$/;
/** `.new` are not shown yet; `lock.sock` is that of earlier versions, which say something else. */
const LOCK_SOCKET = /^lock(-[0-9a-f]{16})?\.(sock|new)$/;

/** One process that holds a directory or tries to, seen by itself. */
export interface LockSocket {
  readonly name: string;
  /** Whether others still find it. */
  isShown(): boolean;
  /** Tells who asked, and who will, that this process holds the directory. */
  hold(): void;
  /** Nobody finds it any more; who waits for its answer learns that there is none. */
  close(): Promise<void>;
}

/** Another one, alive. */
export interface Rival {
  readonly name: string;
  /** Who holds the directory, '' if it does not say who; undefined if it has ended or given up. Comes when it knows. */
  readonly holder: Promise<string | undefined>;
}

/** The sockets of a directory's lock. */
export interface LockSockets {
  /** A new one of this process, found by all who look from now on. */
  show(): Promise<LockSocket>;
  /** The first that is alive, by name; sockets of dead processes are removed on the way. */
  findRival(own: LockSocket): Promise<Rival | undefined>;
  /** To be called when nothing more is asked; what is shown stays. */
  close(): void;
}

/**
 * @param directory its real path
 * @param answerMs who is alive and says nothing for so long counts as the holder
 */
export function openLockSockets(directory: string, answerMs: number): LockSockets {
  const reach = openReach(directory);
  return {
    async show() {
      for (;;) {
        const socket = await showSocket(directory, reach.path);
        if (socket) return socket;
      }
    },
    async findRival(own) {
      const names = readdirSync(directory).filter((name) => LOCK_SOCKET.test(name) && name !== own.name);
      for (const name of names.sort()) {
        const rival = await askSocket(name, reach.path(name), answerMs);
        if (rival) return rival;
        // Its name was its process's alone: nobody listens on it again.
        rmSync(join(directory, name), { force: true });
      }
    },
    close: reach.close,
  };
}

/** Undefined if somebody took it for that of a dead process: it does not answer yet when it is made. */
async function showSocket(directory: string, path: (name: string) => string): Promise<LockSocket | undefined> {
  const token = randomBytes(8).toString('hex');
  const name = `lock-${token}.sock`;
  const shown = join(directory, name);
  const said = `pid ${process.pid} on ${hostname()}`;
  const open = new Set<Socket>();
  let isHeld = false;
  const answer = (socket: Socket): void => {
    socket.write(said);
    socket.destroySoon();
  };
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined); // who asked has gone
    socket.unref().resume();
    if (isHeld) answer(socket);
  });
  await listening(server, path(`lock-${token}.new`));
  server.on('error', () => undefined); // of one connection that could not be taken
  const close = (): Promise<void> => {
    try {
      rmSync(shown, { force: true });
    } catch {
      // A socket that nobody listens on is no lock.
    }
    return new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
  };
  try {
    // Whatever is found under this name listens, or its process is dead for good: it can be removed without a doubt.
    renameSync(join(directory, `lock-${token}.new`), shown);
  } catch (error) {
    await close();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  return {
    name,
    isShown: () => existsSync(shown),
    hold() {
      isHeld = true;
      server.unref();
      open.forEach(answer);
    },
    close,
  };
}

/** Undefined if its process is dead. */
function askSocket(name: string, path: string, answerMs: number): Promise<Rival | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    let isAlive = false;
    const holder = new Promise<string | undefined>((tell) => {
      socket.setTimeout(answerMs, () => {
        tell(''); // too busy to answer: it may hold the directory
        socket.destroy();
      });
      socket.on('close', () => tell(text === '' ? undefined : (HOLDER.exec(text)?.[0] ?? '')));
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('connect', () => {
      isAlive = true;
      resolve({ name, holder });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isAlive) return; // it has ended, or stepped back
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      // It did so before it was known here that it lives.
      else if (error.code === 'ECONNRESET') resolve({ name, holder });
      else reject(new Error(`${name}: ${error.message}: remove it if no process uses its directory`));
    });
  });
}

/**
 * Ways to sockets in a directory. A path that is too long for one leads through an open handle of the directory: the
 * socket lies in it all the same, for everybody to find.
 */
function openReach(directory: string): { path(name: string): string; close(): void } {
  const maxBytes = MAX_SOCKET_PATH - Buffer.byteLength('/lock-0123456789abcdef.sock');
  const bytes = Buffer.byteLength(directory);
  if (bytes <= maxBytes) return { path: (name) => join(directory, name), close: () => undefined };
  if (process.platform !== 'linux') {
    throw new Error(
      `${directory} has ${bytes} bytes: at most ${maxBytes} are allowed on ${process.platform}, choose a shorter --data directory`,
    );
  }
  const handle = openSync(directory, 'r');
  return { path: (name) => `/proc/self/fd/${handle}/${name}`, close: () => closeSync(handle) };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
