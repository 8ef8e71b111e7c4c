import { PRODUCER } from '../core/identity.ts';
import { findBlocks, openBlock, type SealedBlock } from '../journal/block.ts';
import { type CarriedPart, decodeCarried } from '../journal/carried-codec.ts';
import { createLogKeys } from '../journal/key-ring.ts';
import type { NodeModel } from './node-model.ts';
import type { VirtualDisk } from './virtual-disk.ts';
import type { VirtualKeyFile } from './virtual-keys.ts';
import type { VirtualNode } from './virtual-node.ts';
import type { World } from './world.ts';

/** Name of the newest file of the producer's log whose head can be read; undefined if there is none. */
export function newestHead(disk: VirtualDisk): string | undefined {
  return headsOf(disk, 'records').at(-1);
}

const headsOf = (disk: VirtualDisk, log: string): string[] =>
  filesOf(disk, log).filter((name) => blocksOf(disk, name)[0]?.block === 0);

const filesOf = (disk: VirtualDisk, log: string): string[] =>
  [...disk.files().keys()].filter((name) => name.startsWith(`${log}-`)).sort();

/** What is stale in a file that was used before is no block of it. */
function blocksOf(disk: VirtualDisk, name: string): SealedBlock[] {
  const file = disk.files().get(name)!;
  return findBlocks(file.read(0, file.size), Number(/\d+/.exec(name)![0]));
}

/** Bytes that were durable change by themselves. */
export interface BitRot {
  strike(): void;
}

/**
 * What the node promises to survive, and therefore what is done to it: any number of blocks of older segments; of the
 * newest two segments of a log one place at a time, and that never the last block of the newest one, which nobody can
 * tell from a torn tail. One node's rot is in one of its two logs: where a block of records and the note of their loss are
 * both gone, nobody can say what became of them.
 */
export function createBitRot(world: World, { plan, disk, model, keyFile, rotted }: VirtualNode): BitRot {
  const { dice } = world;
  const machine = plan.node;
  const log = dice.chance(0.75) ? 'records' : 'forward';
  /** The newest file when a place in the newest two was struck; healed once two more have been begun. */
  let struck: string | undefined;

  const mayStrikeNew = (heads: readonly string[]): boolean => {
    const last = struck;
    return last === undefined || heads.filter((name) => name > last).length >= 2;
  };

  return {
    strike() {
      const files = filesOf(disk, log);
      if (files.length === 0) return;
      const name = dice.pick(files);
      // A file whose head may never get there does not count: recovery reads on behind it.
      const heads = headsOf(disk, log).filter((one) => isDurable(disk, one));
      const isNew = name >= (heads.at(-2) ?? '');
      if (isNew && !mayStrikeNew(heads)) return;
      const blocks = blocksOf(disk, name);
      const file = disk.files().get(name)!;
      const durable = blocks.filter(({ offset, length }) => file.isDurable(offset, offset + length));
      // In the newest file the last durable block is no promise.
      const candidates = name >= (heads.at(-1) ?? '') ? durable.slice(0, -1) : durable;
      if (candidates.length === 0) return;
      const head = candidates.find(({ block: number }) => number === 0);
      const block = head && dice.chance(0.3) ? head : dice.pick(candidates);
      if (isNew) struck = files.at(-1)!;
      rotted.add(log);
      const at = dice.int(block.offset, block.offset + block.length - 1);
      if (dice.chance(0.7)) file.flip(at, dice.int(0, 7));
      else file.zero(block.offset, block.offset + block.length);
      const what = block.block === 0 ? 'head' : 'block';
      world.reached(`bit rot: ${log} ${what} of ${isNew ? 'one of the newest two segments' : 'an older segment'}`);
      world.note(`${machine} rot in ${name} block ${block.block} at ${at}`);
      if (log === 'records') markDamaged(model, name, block, keyFile);
    },
  };
}

function isDurable(disk: VirtualDisk, name: string): boolean {
  const [head] = blocksOf(disk, name);
  return head !== undefined && disk.hasDurableName(name) && disk.files().get(name)!.isDurable(0, head.length);
}

/** The records of that block may be given up from now on. */
function markDamaged(model: NodeModel, file: string, block: SealedBlock, keyFile: VirtualKeyFile): void {
  if (block.kind === 'carried') {
    for (const { epoch, lane, first, count } of carriedIn(block, keyFile)) {
      for (let position = first; position < first + count; position++) {
        const record = model.recordAt(epoch, lane, position);
        if (record) record.damaged = true;
      }
    }
    return;
  }
  const decision = model.writtenAt(file, block.offset);
  if (!decision) return;
  decision.damaged = true;
  for (const record of decision.records) record.damaged = true;
}

/** The block as it was before it was struck: its bytes were read before. */
function carriedIn(block: SealedBlock, { find }: VirtualKeyFile): CarriedPart[] {
  const current = (): never => {
    throw new Error('nothing is written here');
  };
  const key = createLogKeys({ current, find }, PRODUCER, 'records').find(block.keyId, block.epoch);
  const payload = key && openBlock(block, key);
  return payload ? decodeCarried(payload) : [];
}
