import type { Epoch } from '../core/identity.ts';
import type { Disk, DiskFile } from '../core/ports.ts';
import type { Aside } from './aside.ts';
import { encodeBlock, findBlocks, openBlock, readHeader } from './block.ts';
import { type CarriedPart, decodeCarried, encodeCarried } from './carried-codec.ts';
import type { Burial } from './journal-port.ts';
import type { DataKey, LogKeys } from './key-ring.ts';
import { segmentFile, segmentNumbers } from './segment-files.ts';
import { noPositions } from './spans.ts';

const LOG = 'letters';
/** What a file says of itself is in its first block: enough to list letters without reading what they hold. */
const ENTRY_READ_BYTES = 4096;

/** What a letter of these records takes on disk at most. */
export const letterBytes = (parts: readonly CarriedPart[]): number =>
  parts.reduce((sum, part) => sum + PART_OVERHEAD + part.bytes.length, LETTER_OVERHEAD);
const PART_OVERHEAD = 64;
const LETTER_OVERHEAD = 1024;

/** A dead letter as its file says: which records it holds, not whether they are still dead. */
export interface LetterEntry extends Burial {
  number: number;
  buriedMs: number;
  /** Above all series numbers given when it was written: one of its records may be the last to know of a number. */
  series: number;
  /** Of its file. */
  bytes: number;
}

/** Dead letters on disk, a file each: `letters-0000000001.hwj`, two sealed blocks, what it is and its records. */
export interface LetterFiles {
  /** Oldest first. */
  readonly entries: readonly LetterEntry[];
  bytes(): number;
  /** Durable when it resolves. */
  write(
    burial: Burial,
    note: Pick<LetterEntry, 'buriedMs' | 'series'>,
    parts: readonly CarriedPart[],
  ): Promise<LetterEntry>;
  /** Undefined if the file is damaged. */
  read(entry: LetterEntry): Promise<CarriedPart[] | undefined>;
  /** Durable when it resolves. */
  remove(entries: readonly LetterEntry[]): Promise<void>;
}

/** @param epoch of the producer's opening: it only marks the blocks. */
export async function openLetterFiles(disk: Disk, keys: LogKeys, epoch: Epoch, aside: Aside): Promise<LetterFiles> {
  let entries: LetterEntry[] = [];
  let last = 0;
  for (const number of await segmentNumbers(disk, LOG)) {
    const name = segmentFile(LOG, number);
    const bytes = await disk.size(name);
    const [entry] = payloadsIn(await disk.read(name, 0, ENTRY_READ_BYTES), number, keys);
    if (entry) entries.push({ ...JSON.parse(Buffer.from(entry).toString('utf8')), number, bytes });
    // Never acknowledged, or rotten: not the queue's business any more, and somebody may want to look.
    else await aside.keepFile(name);
    last = number;
  }

  return {
    get entries() {
      return entries;
    },
    bytes: () => entries.reduce((sum, entry) => sum + entry.bytes, 0),
    async write(burial, note, parts) {
      // Used once whatever happens: a number is part of the nonce.
      const number = ++last;
      const key = keys.current(epoch);
      const { series } = note;
      const blocks = [
        Buffer.from(JSON.stringify({ ...burial, ...note })),
        encodeCarried({ positions: noPositions(), series }, parts),
      ].map((payload, block) => encodeBlock({ segment: number, block, epoch, kind: 'carried' }, payload, key));
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
      const entry = { ...burial, ...note, number, bytes: content.length };
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
