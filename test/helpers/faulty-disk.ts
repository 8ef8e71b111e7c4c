import { createMemoryDisk, type MemoryDisk } from '../../adapters/memory/disk.ts';
import type { DiskFile } from '../../core/ports.ts';

export type DiskCall = 'create' | 'write' | 'sync' | 'rename' | 'remove' | 'sync-directory';

/** A disk in memory whose calls fail as long as `failure` gives an error code for them. */
export interface FaultyDisk extends MemoryDisk {
  /** @param name of the file, of the old name in a rename, '' for the directory */
  failure: (call: DiskCall, name: string) => string | undefined;
}

export function createFaultyDisk(files: Map<string, Buffer> = new Map()): FaultyDisk {
  const disk = createMemoryDisk(files);
  const attempt = <T>(call: DiskCall, name: string, run: () => T): T => {
    const code = faulty.failure(call, name);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${call} ${name}`), { code });
    return run();
  };
  const opened = (name: string, file: DiskFile): DiskFile => ({
    ...file,
    write: (offset, bytes) => attempt('write', name, () => file.write(offset, bytes)),
    sync: () => attempt('sync', name, () => file.sync()),
  });
  const faulty: FaultyDisk = {
    ...disk,
    failure: () => undefined,
    create: (name) => attempt('create', name, () => opened(name, disk.create(name) as DiskFile)),
    open: (name) => opened(name, disk.open(name) as DiskFile),
    rename: (from, to) => attempt('rename', from, () => disk.rename(from, to)),
    remove: (name) => attempt('remove', name, () => disk.remove(name)),
    sync: (name) => attempt('sync', name, () => disk.sync(name)),
    syncDirectory: () => attempt('sync-directory', '', () => disk.syncDirectory()),
  };
  return faulty;
}
