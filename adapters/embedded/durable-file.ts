import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Keys are for their owner only; certificates are public. */
export type FileMode = 0o600 | 0o644;

/**
 * Writes a whole file so that a crash leaves the old content or the new one, never a half: temporary name beside it,
 * fsync, rename. Call `syncDirectory` afterwards to make the name durable too.
 */
export async function writeDurably(path: string, content: string, mode: FileMode): Promise<void> {
  // One fixed temporary name: what a crash left behind is overwritten by the next attempt and cannot pile up.
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', mode);
  try {
    await file.chmod(mode); // the mode given to open counts for new files only, and is cut by the umask
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Makes created and renamed names of a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory for syncing; NTFS journals its names itself.
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** A directory that only its owner may enter; parents are made too. */
export async function makePrivateDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncDirectory(dirname(made));
}
