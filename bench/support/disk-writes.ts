import { readFileSync } from 'node:fs';

/** Bytes that this process, all threads, has sent towards the disk so far, in whole pages; undefined outside Linux. */
export function diskBytesWritten(): number | undefined {
  try {
    const match = /^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'));
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined;
  }
}
