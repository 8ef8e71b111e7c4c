import type { Disk } from '../core/ports.ts';
import { BLOCK_OVERHEAD } from './block.ts';

const FILE_PATTERN = /^spare-(\d{10})\.hwj$/;
const spareFile = (number: number): string => `spare-${String(number).padStart(10, '0')}.hwj`;
/** The one that was prepared and never was a segment. */
const PREPARED = 0;
/** So many there may be in any case: what is recycled and what is prepared do not push each other out. */
const LEAST_SPARES = 2;

/**
 * Segment files in store: writing over bytes that are there already needs no new space, and so at each flush only the
 * data, not the file system's own notes (docs/adr/0002-journal.md).
 *
 * A spare has the number of the segment that it was. So no file ever holds a block of a higher number than its name
 * says, and a new segment, whose number is above all of these, cannot take a stale block for its own.
 */
export interface SegmentPool {
  /** Whether there is a spare of exactly so many bytes. */
  has(bytes: number): boolean;
  /** Gives a spare of exactly so many bytes this name, not durably; false if there is none. Others make way. */
  take(name: string, bytes: number): Promise<boolean>;
  /** Makes a segment file of exactly so many bytes a spare, not durably; false if it is of another size or one too many. */
  give(name: string, number: number, bytes: number): Promise<boolean>;
  /**
   * Prepares a spare beside whatever else is done, if there is none of that size. Its failure is no error: then the next
   * segment begins as an empty file. Once a segment: a full disk is not tried again and again.
   */
  prepareNext(bytes: number): void;
  /** On disk, what is being prepared included. */
  bytes(): number;
  /** Highest number of a spare, 0 = none. */
  highest(): number;
  /** Gives all the space back. */
  release(): Promise<void>;
  /** Nothing is being prepared any more. */
  settled(): Promise<void>;
}

/** Where a log's files come from and go to. */
export interface SegmentFiles {
  pool: SegmentPool;
  /** What a segment holds at least, besides its head. */
  payloadBytes: number;
  /** Whether the directory may grow by so many bytes for a spare. */
  mayPrepare(bytes: number): boolean;
}

/**
 * @param maxBytes of spares that recycled segments become, if that is more than two. @default 0 two
 * @throws if the disk cannot be read
 */
export async function openSegmentPool(disk: Disk, maxBytes = 0): Promise<SegmentPool> {
  let spares: { number: number; bytes: number }[] = [];
  let preparing: { bytes: number; wanted: boolean; done: Promise<void> } | undefined;
  let mayPrepare = true;

  for (const name of await disk.list()) {
    const number = FILE_PATTERN.exec(name)?.[1];
    if (number !== undefined) spares.push({ number: Number(number), bytes: await disk.size(name) });
  }
  const bytesNow = (): number => spares.reduce((sum, spare) => sum + spare.bytes, preparing?.bytes ?? 0);
  const highest = Math.max(0, ...spares.map(({ number }) => number));

  const drop = async (gone: readonly { number: number; bytes: number }[]): Promise<void> => {
    for (const spare of gone) {
      spares = spares.filter((other) => other !== spare);
      try {
        await disk.remove(spareFile(spare.number));
      } catch {
        spares.push(spare);
      }
    }
  };

  const prepare = async (bytes: number): Promise<void> => {
    await drop(spares); // of another size, or what a crash left half made
    if (spares.length > 0) return;
    try {
      await disk.prepare(spareFile(PREPARED), bytes);
      spares.push({ number: PREPARED, bytes });
      if (!preparing?.wanted) await drop(spares.filter(({ number }) => number === PREPARED));
    } catch {
      await Promise.resolve(disk.remove(spareFile(PREPARED))).catch(() => undefined);
    }
  };

  return {
    has: (bytes) => spares.some((spare) => spare.bytes === bytes),
    async take(name, bytes) {
      mayPrepare = true;
      await drop(spares.filter((spare) => spare.bytes !== bytes));
      const spare = spares.find((candidate) => candidate.bytes === bytes);
      if (!spare) return false;
      await disk.rename(spareFile(spare.number), name);
      spares = spares.filter((other) => other !== spare);
      return true;
    },
    async give(name, number, bytes) {
      const isOneTooMany = spares.length + (preparing ? 1 : 0) >= LEAST_SPARES && bytesNow() + bytes > maxBytes;
      if (isOneTooMany || (await disk.size(name)) !== bytes) return false;
      await disk.rename(name, spareFile(number));
      spares.push({ number, bytes });
      return true;
    },
    prepareNext(bytes) {
      if (preparing || !mayPrepare || spares.some((spare) => spare.bytes === bytes)) return;
      mayPrepare = false;
      preparing = { bytes, wanted: true, done: Promise.resolve() };
      preparing.done = prepare(bytes).finally(() => {
        preparing = undefined;
      });
    },
    bytes: bytesNow,
    highest: () => highest,
    async release() {
      if (preparing) preparing.wanted = false;
      await drop(spares);
    },
    settled: async () => preparing?.done,
  };
}

/** Heads grow by and by: room for them in steps, so that files keep their size and can be used again. */
const MIN_HEAD_ROOM = 1024;
const HEAD_STEP = 1.25;
/** A node of very many series must not roll with each commit: so much of the head's room at least is there for payload. */
const PAYLOAD_OF_HEAD = 0.5;

/** Size of a segment file. */
export function capacityFor(headBytes: number, payloadBytes: number): number {
  let headRoom = MIN_HEAD_ROOM;
  while (headRoom < headBytes + BLOCK_OVERHEAD) headRoom = Math.ceil(headRoom * HEAD_STEP);
  return headRoom + Math.max(payloadBytes, Math.ceil(headRoom * PAYLOAD_OF_HEAD));
}
