import type { Disk } from '../../core/ports.ts';

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
  return {
    files,
    list: () => [...files.keys()],
    create(name) {
      if (files.has(name)) throw Object.assign(new Error(`file ${name} exists`), { code: 'EEXIST' });
      files.set(name, Buffer.alloc(0));
      return {
        append: (bytes) => void files.set(name, Buffer.concat([must(name), bytes])),
        sync: () => undefined,
        close: () => undefined,
      };
    },
    read: (name, offset, length) => must(name).subarray(offset, offset + length),
    size: (name) => must(name).length,
    remove: (name) => void files.delete(name),
    sync: (name) => void must(name),
    syncDirectory: () => undefined,
  };
}
