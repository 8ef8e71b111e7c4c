import { readHeader } from '../journal/block.ts';
import type { World } from './world.ts';

/**
 * Watches what one machine writes: a block with the number of an earlier one of its log and epoch would repeat a nonce
 * under one key, which gives both payloads away.
 */
export function createSealCheck(world: World, machine: string): (file: string, bytes: Uint8Array) => void {
  /** By log: the newest block of the epoch that writes, and the epochs before it. */
  const newest = new Map<string, { epoch: string; segment: number; block: number }>();
  const ended = new Set<string>();

  return (file, bytes) => {
    const log = file.split('-')[0]!;
    if (log === 'aside') return; // copies of what was sealed already
    for (let at = 0; at < bytes.length; ) {
      const header = readHeader(bytes, at);
      if (!header) return;
      const { epoch, segment, block } = header;
      const before = newest.get(log);
      if (before && before.epoch !== epoch) ended.add(`${log}/${before.epoch}`);
      const isNew =
        before?.epoch === epoch
          ? segment > before.segment || (segment === before.segment && block > before.block)
          : !ended.has(`${log}/${epoch}`);
      if (!isNew) {
        world.fail('no nonce is used twice', `${machine} ${file}: epoch ${epoch} block ${block} comes again`);
      }
      newest.set(log, { epoch, segment, block });
      at += header.length;
    }
  };
}
