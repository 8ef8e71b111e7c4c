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
