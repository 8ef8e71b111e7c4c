/** Gives memory for so many bytes; what it gave before is void then. Its content is undefined. */
export type Scratch = (bytes: number) => Buffer;

/** Up to so much is held on to: a rare large commit does not keep its memory for ever, and a process may have many journals. */
const KEPT_BYTES = 256 * 1024;
const LEAST_BYTES = 4096;

/**
 * Memory that is used again and again for one thing at a time. A large piece that is asked of the system costs more than
 * what is done with it: each of its pages is faulted in anew.
 */
export function createScratch(): Scratch {
  let memory = Buffer.alloc(0);
  return (bytes) => {
    if (bytes > KEPT_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > memory.length) memory = Buffer.allocUnsafeSlow(roomFor(bytes));
    return memory.subarray(0, bytes);
  };
}

function roomFor(bytes: number): number {
  let room = LEAST_BYTES;
  while (room < bytes) room *= 2;
  return room;
}
