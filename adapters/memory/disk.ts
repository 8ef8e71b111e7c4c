import type { Disk, DiskFile } from '../../core/ports.ts';

export interface MemoryDisk extends Disk {
  files: Map<string, Buffer>;
}

/** A disk that never fails. For faults and crashes see simulator/. */
export function createMemoryDisk(files: Map<string, Buffer> = new Map()): MemoryDisk {
  const must = (name: string): Buffer => {
    const bytes = files.get(name);
    if (!bytes) throw Object.assign(new Error(`no file ${name}`), { code: 'ENOENT' });
    return bytes;
  };
  const make = (name: string, bytes: number): void => {
    if (files.has(name)) throw Object.assign(new Error(`file ${name} exists`), { code: 'EEXIST' });
    files.set(name, Buffer.alloc(bytes));
  };
  const openFile = (name: string): DiskFile => ({
    write(offset, bytes) {
      const before = must(name);
      const after = offset + bytes.length <= before.length ? before : Buffer.concat([before], offset + bytes.length);
      after.set(bytes, offset);
      files.set(name, after);
    },
    sync: () => undefined,
    close: () => undefined,
  });
  return {
    files,
    list: () => [...files.keys()],
    create(name) {
      make(name, 0);
      return openFile(name);
    },
    open(name) {
      must(name);
      return openFile(name);
    },
    prepare: async (name, bytes) => make(name, bytes),
    // A copy: bytes handed out must not change when the file does.
    read: (name, offset, length) => Buffer.from(must(name).subarray(offset, offset + length)),
    size: (name) => must(name).length,
    rename(from, to) {
      files.set(to, must(from));
      files.delete(from);
    },
    remove: (name) => void files.delete(name),
    sync: (name) => void must(name),
    syncDirectory: () => undefined,
  };
}
