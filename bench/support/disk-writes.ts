import { readFileSync, statSync } from 'node:fs';

/** Bytes written so far, each an upper bound of what this process has sent to the disk. */
export interface DiskWrites {
  /** Pages that all its threads have made dirty: the whole of a large page counts, however little of it was written. */
  process: number;
  /** Sectors that the device was given, by whomever. */
  device: number;
}

/** @returns undefined outside Linux */
export function diskWrites(folder: string): DiskWrites | undefined {
  try {
    const match = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
    return match ? { process: Number(match[1]), device: deviceBytes(folder) } : undefined;
  } catch {
    return undefined;
  }
}

/** The lesser of both: since Linux 6.16 ext4 keeps files in large pages, and the first alone says ten times too much. */
export const bytesBetween = (before: DiskWrites, after: DiskWrites): number =>
  Math.min(...[after.process - before.process, after.device - before.device].filter((bytes) => !Number.isNaN(bytes)));

/** https://docs.kernel.org/block/stat.html: the seventh field, in sectors of 512 bytes. */
function deviceBytes(folder: string): number {
  const { dev } = statSync(folder);
  try {
    const fields = readFileSync(`/sys/dev/block/${majorOf(dev)}:${minorOf(dev)}/stat`, 'utf8')
      .trim()
      .split(/\s+/);
    return Number(fields[6]) * 512;
  } catch {
    return Number.NaN; // a file system without a device of its own
  }
}

/** How glibc packs a device number (gnu_dev_major). */
const majorOf = (dev: number): number => Math.floor(dev / 256) % 4096;
const minorOf = (dev: number): number => (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
