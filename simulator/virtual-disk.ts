import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../core/ports.ts';
import { createVirtualFile, type VirtualFile } from './virtual-file.ts';
import { type Life, never, type World } from './world.ts';

export const DISK_TROUBLES = ['none', 'io-errors', 'full', 'read-only', 'slow', 'very-slow'] as const;
export type DiskTrouble = (typeof DISK_TROUBLES)[number];

export interface DiskFaults {
  /** Chance of an I/O error per operation while nothing is wrong in general. */
  errorChance: number;
  /** Mean number of operations until the node dies in one. @default never */
  meanOperationsToCrash: number;
}

/** Where the bytes of a write went. */
export interface WrittenPlace {
  file: string;
  from: number;
  to: number;
}

/** The disk of one machine. It outlives the processes that use it. */
export interface VirtualDisk {
  /** The disk as one process sees it. */
  portOf(life: Life, crash: () => void): Disk;
  trouble: DiskTrouble;
  faults: DiskFaults;
  /** The power goes: what was not durable is kept, lost or torn, names and bytes independently. */
  powerCut(): void;
  /** The process is gone, the machine is not: what was written stays, what was not durable is not. */
  processEnds(): void;
  /** Of all files that have a name. */
  bytes(): number;
  /** By name. */
  files(): ReadonlyMap<string, VirtualFile>;
  /** Whether a power cut leaves the file its name. */
  hasDurableName(name: string): boolean;
  /** Told of each write as it is made. */
  onWrite: (place: WrittenPlace, bytes: Uint8Array) => void;
}

/** One change of the directory: a power cut keeps all of it or nothing. */
interface NameChange {
  what: 'created' | 'removed' | 'renamed';
  names: readonly {
    name: string;
    /** Undefined = has this name no more. */
    file: VirtualFile | undefined;
  }[];
}

const failure = (code: string, operation: string): Error => Object.assign(new Error(`${code}: ${operation}`), { code });

export function createVirtualDisk(world: World, name: string, faults: DiskFaults): VirtualDisk {
  const { dice } = world;
  let names = new Map<string, VirtualFile>();
  /** What a power cut cannot take: the names, not the bytes. */
  let durableNames = new Map<string, VirtualFile>();
  let changes: NameChange[] = [];

  const disk: VirtualDisk = {
    trouble: 'none',
    faults,
    onWrite: () => undefined,
    files: () => names,
    hasDurableName: (fileName) => durableNames.get(fileName) === names.get(fileName),
    bytes: () => [...names.values()].reduce((sum, file) => sum + file.size, 0),
    powerCut() {
      for (const change of changes) {
        const kept = dice.chance(0.5);
        world.reached(`power cut: name ${change.what}, ${kept ? 'kept' : 'lost'}`);
        if (kept) applyTo(durableNames, change);
      }
      changes = [];
      names = new Map(durableNames);
      for (const [fileName, file] of names) {
        for (const kind of file.powerCut(dice)) {
          world.reached(`power cut: write ${kind}`);
          world.note(`${name} power cut ${fileName} ${kind}, ${file.size} bytes left`);
        }
      }
    },
    processEnds() {
      for (const file of names.values()) file.dropStuck(dice);
    },
    portOf,
  };

  const change = (what: NameChange['what'], ...changed: NameChange['names']): void => {
    const made = { what, names: changed };
    applyTo(names, made);
    changes.push(made);
  };

  function portOf(life: Life, crash: () => void): Disk {
    let left = Number.isFinite(disk.faults.meanOperationsToCrash) ? dice.waitMs(disk.faults.meanOperationsToCrash) : -1;

    /** True if the node dies here: between two operations, or in the middle of one. */
    const diesHere = (where: string): boolean => {
      if (left < 0 || --left > 0) return false;
      left = -1;
      world.reached(`crash ${where} a disk operation`);
      crash();
      return true;
    };

    /**
     * @param start what is visible at once, though not durable
     * @param end what is true once the operation is over
     * @param grows takes room on the disk that it did not take before
     */
    const operate = <T>(
      operation: string,
      writes: boolean,
      start: () => void,
      end: () => T,
      onError: () => void = nothing,
      grows = false,
    ): Promise<T> => {
      if (!life.alive) return never();
      if (diesHere('before')) return never();
      world.note(`${name} disk ${operation}`);
      const error = errorFor(operation, writes, grows);
      if (error) {
        onError();
        return Promise.reject(error);
      }
      try {
        start();
      } catch (wrong) {
        return Promise.reject(wrong);
      }
      if (diesHere('within')) return never();
      const latencyMs = latency();
      if (latencyMs === 0) return Promise.resolve(end());
      return new Promise((resolve, reject) => {
        world.after(latencyMs, `${name} disk done: ${operation}`, () => void settle(resolve, reject, end), life);
      });
    };

    const fileOf = (fileName: string): VirtualFile => {
      const file = names.get(fileName);
      if (!file) {
        world.reached('disk: a segment was read after it was recycled');
        throw failure('ENOENT', fileName);
      }
      return file;
    };

    const createEmpty = (fileName: string): VirtualFile => {
      if (names.has(fileName)) throw failure('EEXIST', fileName);
      const file = createVirtualFile();
      change('created', { name: fileName, file });
      return file;
    };

    const openFile = (fileName: string, file: VirtualFile): DiskFile => ({
      write: (offset, bytes) =>
        operate(
          `write ${fileName} ${offset} ${bytes.length} ${crc32(bytes)}`,
          true,
          () => {
            disk.onWrite({ file: fileName, from: offset, to: offset + bytes.length }, bytes);
            file.write(offset, bytes);
          },
          nothing,
          // A failed write may have written some of it.
          () => file.write(offset, bytes.subarray(0, dice.chance(0.5) ? dice.int(0, bytes.length) : 0)),
          offset + bytes.length > file.size,
        ),
      sync: () =>
        operate(`sync ${fileName}`, true, nothing, file.sync, () => {
          file.failSync(dice);
        }),
      close: () => operate(`close ${fileName}`, false, nothing, nothing),
    });

    return {
      list: () => operate('list', false, nothing, () => [...names.keys()]),
      create: (fileName) =>
        operate(
          `create ${fileName}`,
          true,
          () => {
            createEmpty(fileName);
          },
          () => openFile(fileName, fileOf(fileName)),
          nothing,
          true,
        ),
      open: (fileName) => operate(`open ${fileName}`, false, nothing, () => openFile(fileName, fileOf(fileName))),
      async prepare(fileName, bytes) {
        let file: VirtualFile | undefined;
        const begin = (): void => {
          file = createEmpty(fileName);
        };
        await operate(`create ${fileName}`, true, begin, nothing, nothing, true);
        // In pieces: other calls come in between, and a crash leaves a file that is too short.
        const piece = Math.ceil(bytes / 3);
        for (let from = 0; from < bytes; from += piece) {
          const zeros = new Uint8Array(Math.min(piece, bytes - from));
          const write = (): void => file!.write(from, zeros);
          await operate(`write ${fileName} ${from} zeros`, true, write, nothing, nothing, true);
        }
        const failed = (): void => file!.failSync(dice);
        await operate(`sync ${fileName}`, true, nothing, () => file!.sync(), failed);
      },
      rename: (from, to) =>
        operate(
          `rename ${from} ${to}`,
          true,
          () => change('renamed', { name: from, file: undefined }, { name: to, file: fileOf(from) }),
          nothing,
        ),
      read: (fileName, offset, length) =>
        operate(`read ${fileName} ${offset} ${length}`, false, nothing, () => fileOf(fileName).read(offset, length)),
      size: (fileName) => operate(`size ${fileName}`, false, nothing, () => fileOf(fileName).size),
      remove: (fileName) =>
        operate(
          `remove ${fileName}`,
          true,
          () => {
            if (names.has(fileName)) change('removed', { name: fileName, file: undefined });
          },
          nothing,
        ),
      sync: (fileName) =>
        operate(
          `sync ${fileName}`,
          true,
          nothing,
          () => fileOf(fileName).sync(),
          () => fileOf(fileName).failSync(dice),
        ),
      syncDirectory: () =>
        operate('sync directory', true, nothing, () => {
          durableNames = new Map(names);
          changes = [];
        }),
    };
  }

  const errorFor = (operation: string, writes: boolean, grows: boolean): Error | undefined => {
    if (disk.trouble === 'io-errors' && dice.chance(0.4)) return reachedError('EIO', operation);
    if (disk.trouble === 'full' && grows && dice.chance(0.8)) return reachedError('ENOSPC', operation);
    if (disk.trouble === 'read-only' && writes) return reachedError('EROFS', operation);
    if (writes && dice.chance(disk.faults.errorChance)) return reachedError('EIO', operation);
    return undefined;
  };

  const reachedError = (code: string, operation: string): Error => {
    world.reached(
      `disk error: ${code} on ${operation.startsWith('sync d') ? 'sync directory' : operation.split(' ')[0]}`,
    );
    world.note(`${name} disk ${code} ${operation}`);
    return failure(code, operation);
  };

  const latency = (): number => {
    if (disk.trouble === 'slow') return dice.int(5, 50);
    if (disk.trouble === 'very-slow') return dice.int(1_000, 5_000);
    return dice.chance(0.85) ? 0 : dice.int(1, 5);
  };

  return disk;
}

function applyTo(names: Map<string, VirtualFile>, change: NameChange): void {
  for (const { name, file } of change.names) {
    if (file) names.set(name, file);
    else names.delete(name);
  }
}

function settle<T>(resolve: (value: T) => void, reject: (error: unknown) => void, end: () => T): void {
  try {
    resolve(end());
  } catch (error) {
    reject(error);
  }
}

const nothing = (): undefined => undefined;
