import type { Dice } from './dice.ts';

/** A power cut takes whole sectors: each holds the old bytes or the new ones. */
const SECTOR = 512;

/** A write that a power cut may take. */
interface UnsyncedWrite {
  from: number;
  bytes: Uint8Array;
  /** An fdatasync failed on it: the kernel may have dropped the pages, and no later one helps. */
  stuck: boolean;
}

/** A file: what readers see, and which part of it is not durable. */
export interface VirtualFile {
  readonly size: number;
  /** Overwrites; beyond the end the file grows. */
  write(offset: number, bytes: Uint8Array): void;
  read(offset: number, length: number): Uint8Array;
  sync(): void;
  /** What was not durable may be so by now, or never will be. */
  failSync(dice: Dice): void;
  /**
   * Pages of a failed fdatasync leave the cache before the next process reads them. (One that reads them from the
   * cache and counts on them is beyond help: no later fdatasync writes them.)
   */
  dropStuck(dice: Dice): void;
  /** Each unsynced write is kept, lost or torn, whatever becomes of the others. Names the kinds that happened. */
  powerCut(dice: Dice): string[];
  /** Whether all of [from, to) is durable. */
  isDurable(from: number, to: number): boolean;
  flip(offset: number, bit: number): void;
  zero(from: number, to: number): void;
}

export function createVirtualFile(): VirtualFile {
  /** As readers see it. */
  const seen = createImage();
  /** As it is on the medium. */
  const durable = createImage();
  let unsynced: UnsyncedWrite[] = [];
  const makeDurable = ({ from, bytes }: UnsyncedWrite): void => durable.write(from, bytes);

  return {
    get size() {
      return seen.size();
    },
    write(offset, bytes) {
      if (bytes.length === 0) return;
      seen.write(offset, bytes);
      unsynced.push({ from: offset, bytes: new Uint8Array(bytes), stuck: false });
    },
    read: seen.read,
    sync() {
      for (const write of unsynced) if (!write.stuck) makeDurable(write);
      unsynced = unsynced.filter(({ stuck }) => stuck);
    },
    failSync(dice) {
      unsynced = unsynced.filter((write) => {
        if (write.stuck || !dice.chance(0.5)) return true;
        makeDurable(write);
        return false;
      });
      for (const write of unsynced) write.stuck = true;
    },
    dropStuck(dice) {
      for (const write of unsynced) {
        if (!write.stuck) continue;
        if (dice.chance(0.5)) seen.write(write.from, durable.readPadded(write.from, write.bytes.length));
        else makeDurable(write);
      }
      unsynced = unsynced.filter(({ stuck }) => !stuck);
    },
    powerCut(dice) {
      const kinds = unsynced.map((write) => tear(durable, write, dice));
      unsynced = [];
      seen.become(durable);
      return kinds;
    },
    isDurable: (from, to) =>
      to <= seen.size() && !unsynced.some((write) => write.from < to && from < write.from + write.bytes.length),
    flip(offset, bit) {
      for (const image of [seen, durable]) image.write(offset, [image.readPadded(offset, 1)[0]! ^ (1 << bit)]);
    },
    zero(from, to) {
      const length = Math.min(to, seen.size()) - from;
      for (const image of [seen, durable]) image.write(from, new Uint8Array(length));
    },
  };
}

/** Brings to the medium what the cut leaves of one write. */
function tear(durable: Image, { from, bytes }: UnsyncedWrite, dice: Dice): string {
  const kind = dice.pick(['lost', 'kept', 'torn-prefix', 'torn-sectors', 'torn-zeros'] as const);
  if (kind === 'lost') return kind;
  if (kind === 'kept') {
    durable.write(from, bytes);
    return kind;
  }
  const cut = dice.int(0, bytes.length);
  if (kind === 'torn-sectors') {
    for (let start = from - (from % SECTOR); start < from + cut; start += SECTOR) {
      if (dice.chance(0.4)) continue;
      const first = Math.max(from, start);
      durable.write(first, bytes.subarray(first - from, Math.min(cut, start + SECTOR - from)));
    }
    return kind;
  }
  durable.write(from, bytes.subarray(0, cut));
  // The length grew, the data did not come.
  if (kind === 'torn-zeros') durable.growTo(from + bytes.length);
  return kind;
}

interface Image {
  size(): number;
  write(offset: number, bytes: ArrayLike<number>): void;
  growTo(size: number): void;
  /** A copy, shorter at the end. */
  read(offset: number, length: number): Uint8Array;
  /** A copy with zeros behind the end. */
  readPadded(offset: number, length: number): Uint8Array;
  /** Takes over size and content. */
  become(other: Image): void;
}

function createImage(): Image {
  let content = Buffer.alloc(4096);
  let size = 0;
  const image: Image = {
    size: () => size,
    growTo(to) {
      if (to > content.length) {
        const grown = Buffer.alloc(Math.max(content.length * 2, to));
        content.copy(grown, 0, 0, size);
        content = grown;
      }
      size = Math.max(size, to);
    },
    write(offset, bytes) {
      image.growTo(offset + bytes.length);
      content.set(bytes, offset);
    },
    read: (offset, length) => new Uint8Array(content.subarray(Math.min(size, offset), Math.min(size, offset + length))),
    readPadded(offset, length) {
      const bytes = new Uint8Array(length);
      bytes.set(image.read(offset, length));
      return bytes;
    },
    become(other) {
      size = 0;
      content.fill(0);
      image.write(0, other.read(0, other.size()));
    },
  };
  return image;
}
