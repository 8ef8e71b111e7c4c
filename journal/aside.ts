import type { Disk } from '../core/ports.ts';
import { BLOCK_MAGIC, readHeader, type Stretch } from './block.ts';

const PREFIX = 'aside-';
const STRETCH = /^aside-.+-at-\d{10}\.bin$/;

/** What the journal cannot read, kept for somebody who can look into it. It takes from the quota. */
export interface Aside {
  /** Keeps a whole file, under another name; the journal never removes it. */
  keepFile(name: string): Promise<void>;
  /** Keeps bytes of a segment, under its name and the offset. Best effort: the oldest make way, and a sick disk may refuse. */
  keepStretch(name: string, stretch: Stretch, bytes: Uint8Array): Promise<void>;
  bytes(): number;
  /** Of the keys that blocks of the whole files need. */
  keyIds(): ReadonlySet<number>;
  /** Whole files and stretches. */
  count(): number;
}

/** @param maxBytes of the stretches; whole files have no bound, for they may be all there is of somebody's data */
export async function openAside(disk: Disk, maxBytes: number): Promise<Aside> {
  /** By name, oldest first. */
  const kept = new Map<string, number>();
  const keys = new Set<number>();
  const noteKeys = async (name: string, bytes: number): Promise<void> => {
    if (!STRETCH.test(name)) for (const id of keyIdsIn(await disk.read(name, 0, bytes))) keys.add(id);
  };
  for (const name of (await disk.list()).sort()) {
    if (!name.startsWith(PREFIX)) continue;
    const bytes = await disk.size(name);
    kept.set(name, bytes);
    await noteKeys(name, bytes);
  }

  const makeWay = async (bytes: number): Promise<void> => {
    const stretches = [...kept].filter(([name]) => STRETCH.test(name));
    let total = stretches.reduce((sum, [, size]) => sum + size, bytes);
    for (const [name, size] of stretches) {
      if (total <= maxBytes) return;
      await disk.remove(name);
      kept.delete(name);
      total -= size;
    }
  };

  return {
    async keepFile(name) {
      const bytes = await disk.size(name);
      let to = `${PREFIX}${name}`;
      for (let copy = 2; kept.has(to); copy++) to = `${PREFIX}${copy}-${name}`;
      await disk.rename(name, to);
      kept.set(to, bytes);
      await noteKeys(to, bytes);
    },
    async keepStretch(name, { offset, length }, bytes) {
      const to = `${PREFIX}${name.replace(/\.hwj$/, '')}-at-${String(offset).padStart(10, '0')}.bin`;
      if (kept.has(to) || length > maxBytes) return;
      try {
        await makeWay(length);
        const file = await disk.create(to);
        kept.set(to, length);
        await file.write(0, bytes.subarray(offset, offset + length));
        await file.sync();
        await file.close();
      } catch {
        // Damage is skipped and counted all the same.
      }
    },
    bytes: () => [...kept.values()].reduce((sum, bytes) => sum + bytes, 0),
    keyIds: () => keys,
    count: () => kept.size,
  };
}

/**
 * Whether a segment file of which no head knows may hold somebody's data. What a crash in the middle of a roll leaves does
 * not: nothing, zeros, what an earlier use left, a head, or a torn one. Blocks behind a head, and anything that is not of
 * this format, do.
 */
export function mayHoldData(bytes: Uint8Array, segment: number): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // A torn write leaves the magic's own bytes or zeros.
  if (BLOCK_MAGIC.some((byte, at) => at < buffer.length && buffer[at] !== byte && buffer[at] !== 0)) return true;
  for (let at = buffer.indexOf(BLOCK_MAGIC); at >= 0; at = buffer.indexOf(BLOCK_MAGIC, at + 1)) {
    const header = readHeader(buffer, at);
    if (header && header.segment >= segment && header.block > 0) return true;
  }
  return false;
}

/** Whatever the file's name says: somebody may still want to read any block in it. */
function keyIdsIn(bytes: Uint8Array): Set<number> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ids = new Set<number>();
  for (let at = buffer.indexOf(BLOCK_MAGIC); at >= 0; at = buffer.indexOf(BLOCK_MAGIC, at + 1)) {
    const header = readHeader(buffer, at);
    if (header) ids.add(header.keyId);
  }
  return ids;
}
