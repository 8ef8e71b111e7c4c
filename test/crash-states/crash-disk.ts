import type { Random } from '../../core/ports.ts';
import type { DiskEvent } from './recording-disk.ts';

/** What a directory may hold after a crash: content by name. */
export type CrashState = Map<string, Buffer>;

interface Write {
  file: number;
  offset: number;
  bytes: Uint8Array;
}
/** All of it becomes durable together: a rename touches two names. */
type NameChange = readonly (readonly [name: string, file: number | undefined])[];

/**
 * A disk as a crash may leave it. What was synced is there. Of each write since, any part may be there or not: pages
 * are written in any order, sectors of 512 bytes whole or not at all, and a file may have grown without its data. Of
 * the names changed since the last sync of the directory a journalling file system keeps the first few (ext4, XFS);
 * others promise no order, so any of them may be missing.
 */
export interface CrashDisk {
  apply(event: DiskEvent<unknown>): void;
  /** The states that a crash right now may leave, `process killed` (everything is there) first. */
  states(random: Random): Generator<{ kind: string; state: CrashState }>;
}

const SECTOR = 512;
/** Ends of the fields of a block's header, and the bytes around its first and last. */
const EDGES = [0, 1, 4, 8, 12, 16, 20, 24, 32, 36, 39, 40, 41, 57];

export function createCrashDisk(): CrashDisk {
  const contents = new Map<number, Buffer>();
  const durableNames = new Map<string, number>();
  let writes: Write[] = [];
  let changes: NameChange[] = [];
  let names = new Map<string, number>();
  let lastWrite: Write | undefined;

  const change = (...entries: NameChange): void => {
    changes.push(entries);
    names = namesAfter(names, [entries]);
  };

  /** @param part what is there of an unsynced write: nothing, all, or its bytes laid over the old ones */
  const stateOf = (kept: readonly NameChange[], part: (write: Write, old: Buffer) => Buffer): CrashState => {
    const state: CrashState = new Map();
    for (const [name, file] of namesAfter(durableNames, kept)) {
      const pending = writes.filter((write) => write.file === file);
      const durable = contents.get(file) ?? Buffer.alloc(0);
      state.set(
        name,
        pending.reduce((old, write) => part(write, old), durable),
      );
    }
    return state;
  };

  function* states(random: Random): Generator<{ kind: string; state: CrashState }> {
    const some = <T>(list: readonly T[]): T[] => list.filter(() => random.fraction() < 0.5);
    yield { kind: 'process killed', state: stateOf(changes, all) };
    if (writes.length === 0 && changes.length === 0) return;
    for (let kept = 0; kept <= changes.length; kept++) {
      const first = changes.slice(0, kept);
      if (kept < changes.length) yield { kind: 'the first names, all data', state: stateOf(first, all) };
      if (writes.length > 0) yield { kind: 'the first names, no data', state: stateOf(first, nothing) };
      if (writes.length > 0) yield { kind: 'the first names, lengths without data', state: stateOf(first, grown) };
    }
    for (const one of changes.length > 1 ? changes : []) {
      yield { kind: 'one name missing', state: stateOf(without(changes, one), all) };
      yield { kind: 'one name only', state: stateOf([one], all) };
      yield { kind: 'some names', state: stateOf(some(changes), random.fraction() < 0.5 ? all : nothing) };
    }
    const last = lastWrite && writes.includes(lastWrite) ? lastWrite : undefined;
    if (last) {
      const lengths = [...EDGES, ...EDGES.map((edge) => last.bytes.length - edge)].filter(
        (length) => length > 0 && length < last.bytes.length,
      );
      for (let index = 0; index < 4; index++) lengths.push(Math.floor(random.fraction() * last.bytes.length));
      for (const length of new Set(lengths)) {
        yield {
          kind: 'torn at a byte',
          state: stateOf(changes, (write, old) => (write === last ? firstBytes(write, old, length) : all(write, old))),
        };
      }
    }
    const sectors = writes.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / SECTOR), 0);
    for (let index = 0; index < Math.min(8, 2 * sectors); index++) {
      const chance = [0.1, 0.5, 0.9][index % 3]!;
      yield {
        kind: 'torn by sectors',
        state: stateOf(changes, (write, old) => someSectors(write, old, () => random.fraction() < chance)),
      };
    }
    for (const one of writes.length > 1 ? writes.slice(-4) : []) {
      const isOne = (write: Write): boolean => write === one;
      yield {
        kind: 'one write missing',
        state: stateOf(changes, (write, old) => (isOne(write) ? old : all(write, old))),
      };
      yield { kind: 'one write only', state: stateOf(changes, (write, old) => (isOne(write) ? all(write, old) : old)) };
      yield {
        kind: 'any names, any sectors',
        state: stateOf(some(changes), (write, old) => someSectors(write, old, () => random.fraction() < 0.5)),
      };
    }
  }

  return {
    apply(event) {
      switch (event.do) {
        case 'create':
          return change([event.name, event.file]);
        case 'write':
          lastWrite = event;
          return void writes.push(event);
        case 'sync':
          for (const write of writes) {
            if (write.file === event.file)
              contents.set(event.file, all(write, contents.get(event.file) ?? Buffer.alloc(0)));
          }
          writes = writes.filter(({ file }) => file !== event.file);
          return;
        case 'rename':
          return change([event.from, undefined], [event.to, names.get(event.from)]);
        case 'remove':
          return change([event.name, undefined]);
        case 'sync-directory':
          for (const [name, file] of changes.flat()) {
            if (file === undefined) durableNames.delete(name);
            else durableNames.set(name, file);
          }
          changes = [];
      }
    },
    states,
  };
}

function namesAfter(names: ReadonlyMap<string, number>, changes: readonly NameChange[]): Map<string, number> {
  const after = new Map(names);
  for (const [name, file] of changes.flat()) {
    if (file === undefined) after.delete(name);
    else after.set(name, file);
  }
  return after;
}

const without = <T>(list: readonly T[], one: T): T[] => list.filter((other) => other !== one);

const nothing = (_write: Write, old: Buffer): Buffer => old;
const grown = ({ offset, bytes }: Write, old: Buffer): Buffer => lengthened(old, offset + bytes.length);
const all = (write: Write, old: Buffer): Buffer => firstBytes(write, old, write.bytes.length);

function firstBytes({ offset, bytes }: Write, old: Buffer, length: number): Buffer {
  const after = lengthened(old, offset + length);
  after.set(bytes.subarray(0, length), offset);
  return after;
}

/** Sectors are those of the file: where a write ends within one, it goes or stays with what else is in it. */
function someSectors({ offset, bytes }: Write, old: Buffer, isKept: () => boolean): Buffer {
  const after = lengthened(old, offset + bytes.length);
  for (let start = offset - (offset % SECTOR); start < offset + bytes.length; start += SECTOR) {
    if (!isKept()) continue;
    const from = Math.max(0, start - offset);
    after.set(bytes.subarray(from, start + SECTOR - offset), offset + from);
  }
  return after;
}

/** A copy, with zeros at its end if it was shorter. */
function lengthened(old: Buffer, length: number): Buffer {
  const copy = Buffer.alloc(Math.max(old.length, length));
  copy.set(old);
  return copy;
}
