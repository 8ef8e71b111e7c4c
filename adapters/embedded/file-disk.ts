import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Disk, DiskFile } from '../../core/ports.ts';

/**
 * A real directory, made if absent. Synchronous on purpose: it runs in the journal's worker, where a call that blocks
 * is cheaper and steadier than the thread pool behind fs.promises.
 *
 * @throws if the directory cannot be made
 */
export function openFileDisk(directory: string): Disk {
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined) syncDirectoryAt(dirname(made));
  return {
    list: () => readdirSync(directory),
    create: (name) => fileOn(openSync(join(directory, name), 'ax', 0o600)),
    read(name, offset, length) {
      const file = openSync(join(directory, name), 'r');
      try {
        return readFully(file, offset, length);
      } finally {
        closeSync(file);
      }
    },
    size: (name) => statSync(join(directory, name)).size,
    remove: (name) => rmSync(join(directory, name), { force: true }),
    sync(name) {
      const file = openSync(join(directory, name), 'r+');
      try {
        fdatasyncSync(file);
      } finally {
        closeSync(file);
      }
    },
    syncDirectory: () => syncDirectoryAt(directory),
  };
}

function fileOn(file: number): DiskFile {
  return {
    append(bytes) {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    },
    sync: () => fdatasyncSync(file),
    close: () => closeSync(file),
  };
}

function readFully(file: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(Math.max(0, Math.min(length, fstatSync(file).size - offset)));
  let filled = 0;
  while (filled < bytes.length) {
    const read = readSync(file, bytes, filled, bytes.length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/** Makes names in a directory durable. */
export function syncDirectoryAt(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
