import type { Dice } from './dice.ts';

const SECTOR = 512;

/** Bytes that a power cut may take. */
interface Risk {
  from: number;
  to: number;
  /** An fdatasync failed on them: the kernel may have dropped the pages, and no later one helps. */
  stuck: boolean;
}

/** A file: what readers see, and which part of it is not durable. */
export interface VirtualFile {
  readonly size: number;
  append(bytes: Uint8Array): void;
  read(offset: number, length: number): Uint8Array;
  sync(): void;
  /** What was not durable may be so by now, or never will be. */
  failSync(dice: Dice): void;
  /**
   * Pages of a failed fdatasync leave the cache before the next process reads them. (One that reads them from the
   * cache and counts on them is beyond help: no later fdatasync writes them.)
   */
  dropStuck(dice: Dice): void;
  /** Each unsynced write is kept, lost or torn. Names the kinds that happened. */
  powerCut(dice: Dice): string[];
  /** Whether all of [from, to) is durable. */
  isDurable(from: number, to: number): boolean;
  flip(offset: number, bit: number): void;
  zero(from: number, to: number): void;
}

export function createVirtualFile(): VirtualFile {
  let content = Buffer.alloc(4096);
  let size = 0;
  let risks: Risk[] = [];

  return {
    get size() {
      return size;
    },
    append(bytes) {
      if (bytes.length === 0) return;
      if (size + bytes.length > content.length) {
        const grown = Buffer.alloc(Math.max(content.length * 2, size + bytes.length));
        content.copy(grown, 0, 0, size);
        content = grown;
      }
      content.set(bytes, size);
      const last = risks.at(-1);
      if (last && !last.stuck && last.to === size) last.to += bytes.length;
      else risks.push({ from: size, to: size + bytes.length, stuck: false });
      size += bytes.length;
    },
    // A copy: bytes handed out must not change when the file does.
    read: (offset, length) => new Uint8Array(content.subarray(Math.min(size, offset), Math.min(size, offset + length))),
    sync() {
      risks = risks.filter((risk) => risk.stuck);
    },
    failSync(dice) {
      risks = risks.filter((risk) => risk.stuck || !dice.chance(0.5));
      for (const risk of risks) risk.stuck = true;
    },
    dropStuck(dice) {
      for (const { from, to, stuck } of risks) if (stuck && dice.chance(0.5)) content.fill(0, from, to);
      risks = risks.filter(({ stuck }) => !stuck);
    },
    powerCut(dice) {
      const kinds: string[] = [];
      let end = risks.length > 0 ? risks[0]!.from : size;
      for (const risk of risks) {
        const keptUntil = tear(content, risk, dice, kinds);
        if (keptUntil > risk.from) end = keptUntil;
        // Durable bytes behind a lost stretch keep their place: the stretch reads as zeros.
        const next = risks[risks.indexOf(risk) + 1]?.from ?? size;
        if (next > risk.to) end = next;
      }
      content.fill(0, end);
      size = end;
      risks = [];
      return kinds;
    },
    isDurable: (from, to) => to <= size && !risks.some((risk) => risk.from < to && from < risk.to),
    flip(offset, bit) {
      content[offset]! ^= 1 << bit;
    },
    zero(from, to) {
      content.fill(0, from, Math.min(to, size));
    },
  };
}

/** Destroys what the cut takes of one stretch; returns where the part that is there ends. */
function tear(content: Buffer, { from, to }: Risk, dice: Dice, kinds: string[]): number {
  const kind = dice.pick(['lost', 'kept', 'torn-prefix', 'torn-sectors', 'torn-zeros'] as const);
  kinds.push(kind);
  if (kind === 'kept') return to;
  if (kind === 'lost') {
    content.fill(0, from, to);
    return from;
  }
  const cut = dice.int(from, to);
  content.fill(0, cut, to);
  if (kind === 'torn-prefix') return cut;
  if (kind === 'torn-zeros') return to; // the length grew, the data did not come
  for (let start = from - (from % SECTOR); start < to; start += SECTOR) {
    if (dice.chance(0.4)) content.fill(0, Math.max(from, start), Math.min(to, start + SECTOR));
  }
  return cut;
}
