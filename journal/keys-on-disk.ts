import type { KeyRing } from '../core/key-ring.ts';
import type { Disk } from '../core/ports.ts';
import { BLOCK_HEADER_BYTES, findBlocks, openBlock, readHeader } from './block.ts';
import { createLogKeys, LOGS, type LogName } from './key-ring.ts';
import { segmentFile, segmentNumbers } from './segment-files.ts';

/** The directory's blocks cannot be read with the keys that are there. Nothing was changed. */
export class WrongKeysError extends Error {
  override name = 'WrongKeysError';
}

/**
 * Refuses a directory that the ring does not fit, before anything in it is touched: its records would pass for damage.
 * Cost: a header of each segment, and the newest head.
 *
 * @throws WrongKeysError
 */
export async function refuseWrongKeys(disk: Disk, ring: KeyRing, producer: string): Promise<void> {
  const unknown = [...(await keysOnDisk(disk))].filter(([id]) => ring.find(id) === undefined);
  const wrong =
    unknown.length > 0
      ? `needs ${unknown.map(([id, files]) => `key ${id} (${files.length} segments, one is ${files[0]})`).join(', ')}`
      : await foreignLog(disk, ring, producer);
  if (wrong === undefined) return;
  throw new WrongKeysError(
    `journal: this directory ${wrong}; the keys at hand are ${ring.describe()}. Nothing was changed: put back the keys ` +
      'that belong to it, or move the directory away to begin anew without its records',
  );
}

/**
 * Forgets the keys that no segment needs any more; one that a power cut could bring back counts as one that does.
 *
 * @param aside keys of what is kept aside: they stay, for whoever looks into it
 * @returns how many different keys the segments need
 */
export async function retireKeys(disk: Disk, ring: KeyRing, aside: ReadonlySet<number>): Promise<number> {
  await disk.syncDirectory();
  const inUse = new Set((await keysOnDisk(disk)).keys());
  await ring.retire(new Set([...inUse, ...aside]));
  return inUse.size;
}

/** Ids of the keys that segments were written with, and the files of each. A segment is written with one key. */
async function keysOnDisk(disk: Disk): Promise<Map<number, string[]>> {
  const found = new Map<number, string[]>();
  for (const log of Object.keys(LOGS) as LogName[]) {
    for (const number of await segmentNumbers(disk, log)) {
      const id = await keyOf(disk, segmentFile(log, number), number);
      if (id !== undefined) found.set(id, [...(found.get(id) ?? []), segmentFile(log, number)]);
    }
  }
  return found;
}

async function keyOf(disk: Disk, name: string, number: number): Promise<number | undefined> {
  const first = readHeader(await disk.read(name, 0, BLOCK_HEADER_BYTES));
  if (first?.segment === number) return first.keyId;
  return findBlocks(await disk.read(name, 0, await disk.size(name)), number)[0]?.keyId;
}

/** Key ids can be the same by chance. A log of which no head was made with the keys at hand belongs to others. */
async function foreignLog(disk: Disk, ring: KeyRing, producer: string): Promise<string | undefined> {
  for (const log of Object.keys(LOGS) as LogName[]) {
    const keys = createLogKeys(ring, producer, log);
    let foreign: string | undefined;
    for (const number of (await segmentNumbers(disk, log)).toReversed()) {
      const name = segmentFile(log, number);
      const header = readHeader(await disk.read(name, 0, BLOCK_HEADER_BYTES));
      if (!header) continue;
      const [head] = findBlocks(await disk.read(name, 0, header.length), number);
      const key = head && keys.find(head.keyId, head.epoch);
      if (!key) continue;
      if (openBlock(head, key)) {
        foreign = undefined;
        break;
      }
      foreign ??= `was written with another key ${head.keyId} or by another producer than ${producer} (${name})`;
    }
    if (foreign !== undefined) return foreign;
  }
  return undefined;
}
