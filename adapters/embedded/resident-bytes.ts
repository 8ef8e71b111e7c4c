import { readFileSync } from 'node:fs';

/**
 * Memory of another process that is in RAM; 0 = not known: it has ended, or this is not Linux.
 * Read without waiting: the answer of a file of /proc is made at once, and Node's pool may be busy.
 */
export function residentBytesOf(pid: number | undefined): number {
  if (process.platform !== 'linux' || pid === undefined) return 0;
  try {
    const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0; // ended since; its exit tells
  }
}
