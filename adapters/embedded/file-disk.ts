import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
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
    create: (name) => fileOn(openSync(join(directory, name), 'wx', 0o600)),
    open: (name) => fileOn(openSync(join(directory, name), 'r+')),
    prepare: (name, bytes) => writeZeros(join(directory, name), bytes),
    rename: (from, to) => renameSync(join(directory, from), join(directory, to)),
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
    write(offset, bytes) {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(file, bytes, written, bytes.length - written, offset + written);
      }
    },
    sync: () => fdatasyncSync(file),
    close: () => closeSync(file),
  };
}

const ZEROS = new Uint8Array(256 * 1024);

/**
 * In the thread pool, unlike the rest: zeroing a segment inline would hold up the commits behind it. Zeros are written
 * and not just reserved: a file system notes a first write to reserved space, which costs a second write at each flush.
 */
async function writeZeros(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (let written = 0; written < bytes; ) {
      written += (await file.write(ZEROS, 0, Math.min(ZEROS.length, bytes - written), written)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function readFully(file: number, offset: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, fstatSync(file).size - offset)));
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
