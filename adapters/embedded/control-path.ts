import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Unix socket paths end at 107 bytes. */
const MAX_SOCKET_PATH = 100;
const OTHERS = 0o077;

/**
 * Where the running node of a directory can be asked: `control.sock` in it, a named pipe on Windows. If the path is too
 * long for a socket, it lies in a folder of this user's own below the system's temporary one.
 *
 * @param temporary @default the system's
 * @throws if the directory does not exist, or the temporary folder is not this user's alone
 */
export function controlPath(directory: string, temporary = tmpdir()): string {
  const real = realpathSync(directory);
  const name = `headwater-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  const inside = join(real, 'control.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  return join(ownFolder(temporary), `${name}.sock`);
}

/** Anybody may make a folder of this name in the temporary one first: then it is not used. */
function ownFolder(temporary: string): string {
  const user = process.getuid?.() ?? 0;
  const folder = join(temporary, `headwater-control-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== user || (found.mode & OTHERS) !== 0) {
    throw new Error(`${folder} belongs to somebody else or is open to others: remove it, or choose a shorter --data`);
  }
  return folder;
}
