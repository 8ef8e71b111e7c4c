import type { AppendResult, Commit } from './journal-port.ts';
import { readResult, writeCommit } from './shared-append.ts';

/** Longer commits are posted: they are rare, the memory is kept, and a process may have many journals. */
const MOST_BYTES = 256 * 1024;
const LEAST_BYTES = 64 * 1024;

/** Memory in which one journal's commits are handed to its thread, and their results back. */
export interface SharedCommits {
  /** Writes the commit there; false if it does not go in now: a commit is under way, or this one is too long. */
  put(commit: Commit): boolean;
  /** What the journal wrote in its place. */
  result(): AppendResult;
  /** The commit is done with, whatever became of it. */
  free(): void;
}

/**
 * A journal has one commit at a time under way; a second one finds the memory taken.
 *
 * @param share tells the other thread of the memory, before the first commit that lies in it
 */
export function createSharedCommits(share: (memory: SharedArrayBuffer) => void): SharedCommits {
  let memory: Buffer = Buffer.alloc(0);
  let taken = false;
  const roomFor = (bytes: number): Buffer | undefined => {
    if (bytes > MOST_BYTES) return undefined;
    if (bytes > memory.length) {
      let room = LEAST_BYTES;
      while (room < bytes) room *= 2;
      const shared = new SharedArrayBuffer(room);
      share(shared);
      memory = Buffer.from(shared);
    }
    return memory;
  };
  return {
    put(commit) {
      if (taken) return false;
      taken = writeCommit(commit, roomFor);
      return taken;
    },
    result: () => readResult(memory),
    free() {
      taken = false;
    },
  };
}
