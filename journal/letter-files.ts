import type { Epoch } from '../core/identity.ts';
import type { Disk, DiskFile } from '../core/ports.ts';
import { encodeBlock, findBlocks, openBlock, readHeader } from './block.ts';
import { type CarriedPart, decodeCarried, encodeCarried } from './carried-codec.ts';
import type { Burial } from './journal-port.ts';
import type { DataKey, LogKeys } from './key-ring.ts';
import { segmentFile, segmentNumbers } from './segment-files.ts';
import { noPositions } from './spans.ts';

const LOG = 'letters';
/** What a file says of itself is in its first block: enough to list letters without reading what they hold. */
const ENTRY_READ_BYTES = 4096;

/** A dead letter as its file says: which records it holds, not whether they are still dead. */
export interface LetterEntry extends Burial {
  number: number;
  buriedMs: number;
  /** Of its file. */
  bytes: number;
}

/** Dead letters on disk, a file each: `letters-0000000001.hwj`, two sealed blocks, what it is and its records. */
export interface LetterFiles {
  /** Oldest first. */
  readonly entries: readonly LetterEntry[];
  bytes(): number;
  /** Durable when it resolves. */
  write(burial: Burial, buriedMs: number, parts: readonly CarriedPart[]): Promise<LetterEntry>;
  /** Undefined if the file is damaged. */
  read(entry: LetterEntry): Promise<CarriedPart[] | undefined>;
  /** Durable when it resolves. */
  remove(entries: readonly LetterEntry[]): Promise<void>;
}

/** @param epoch of the producer's opening: it only marks the blocks. */
export async function openLetterFiles(disk: Disk, keys: LogKeys, epoch: Epoch): Promise<LetterFiles> {
  let entries: LetterEntry[] = [];
  let last = 0;
  for (const number of await segmentNumbers(disk, LOG)) {
    const name = segmentFile(LOG, number);
    const bytes = await disk.size(name);
    const [entry] = payloadsIn(await disk.read(name, 0, ENTRY_READ_BYTES), number, keys);
    if (entry) entries.push({ ...JSON.parse(Buffer.from(entry).toString('utf8')), number, bytes });
    // Never acknowledged, or rotten: not the queue's business any more, and somebody may want to look.
    else await disk.rename(name, `aside-${name}`);
    last = number;
  }

  return {
    get entries() {
      return entries;
    },
    bytes: () => entries.reduce((sum, entry) => sum + entry.bytes, 0),
    async write(burial, buriedMs, parts) {
      // Used once whatever happens: a number is part of the nonce.
      const number = ++last;
      const key = keys.current(epoch);
      const blocks = [Buffer.from(JSON.stringify({ ...burial, buriedMs })), encodeCarried(noPositions(), parts)].map(
        (payload, block) => encodeBlock({ segment: number, block, epoch, kind: 'carried' }, payload, key),
      );
      const content = Buffer.concat(blocks);
      const name = segmentFile(LOG, number);
      const file = await disk.create(name);
      try {
        await writeWhole(file, content);
        await disk.syncDirectory();
      } catch (error) {
        await Promise.resolve(disk.remove(name)).catch(() => undefined);
        throw error;
      }
      const entry = { ...burial, buriedMs, number, bytes: content.length };
      entries.push(entry);
      return entry;
    },
    async read({ number, bytes }) {
      const payload = payloadsIn(await disk.read(segmentFile(LOG, number), 0, bytes), number, keys)[1];
      return payload && decodeCarried(payload);
    },
    async remove(gone) {
      if (gone.length === 0) return;
      for (const { number } of gone) await disk.remove(segmentFile(LOG, number));
      await disk.syncDirectory();
      entries = entries.filter((entry) => !gone.includes(entry));
    },
  };
}

async function writeWhole(file: DiskFile, content: Uint8Array): Promise<void> {
  try {
    await file.write(0, content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** By block number; a hole where a block cannot be read. */
function payloadsIn(bytes: Uint8Array, number: number, keys: LogKeys): (Uint8Array | undefined)[] {
  const payloads: (Uint8Array | undefined)[] = [];
  if (readHeader(bytes)?.segment !== number) return payloads;
  for (const block of findBlocks(bytes, number)) {
    const key: DataKey | undefined = keys.find(block.keyId, block.epoch);
    payloads[block.block] = key && openBlock(block, key);
  }
  return payloads;
}
