import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';

export interface RawFile {
  /** write and fdatasync, in this thread. */
  append(bytes: Uint8Array): void;
  close(): void;
}

/** The least that a durable append can cost: one growing file, nothing around the bytes. */
export function openRawFile(path: string): RawFile {
  const file = openSync(path, 'ax');
  return {
    append(bytes) {
      writeSync(file, bytes);
      fdatasyncSync(file);
    },
    close() {
      closeSync(file);
      rmSync(path);
    },
  };
}

const ZEROED_BYTES = 32 * 1024 * 1024;

/** The same over a file of zeros, again from its beginning when it is full: no flush has anything but data to write. */
export function openZeroedFile(path: string): RawFile {
  const file = openSync(path, 'wx');
  for (let at = 0; at < ZEROED_BYTES; at += ZEROS.length) writeSync(file, ZEROS);
  fdatasyncSync(file);
  let at = 0;
  return {
    append(bytes) {
      if (at + bytes.length > ZEROED_BYTES) at = 0;
      writeSync(file, bytes, 0, bytes.length, at);
      fdatasyncSync(file);
      at += bytes.length;
    },
    close() {
      closeSync(file);
      rmSync(path);
    },
  };
}

const ZEROS = new Uint8Array(1024 * 1024);
