import { mkdirSync, realpathSync } from 'node:fs';
import { type LockSocket, openLockSockets } from './lock-socket.ts';

/** Longer than a process that lives leaves its event loop, or the kernel needs to clear a killed one away. */
const ANSWER_MS = 10_000;

export interface DirectoryLock {
  /** Leaves nothing behind in the directory. */
  release(): Promise<void>;
}

/**
 * Makes sure that one process works on a directory. The lock is a listening socket in it: the kernel lets go of it when
 * the process dies, however it dies, so there is no stale lock to clean up, and no process id to mistake.
 *
 * Everybody shows a socket of its own first and looks for others then: of two, whoever showed later sees the other. One
 * that tries and meets one with a smaller name steps back; so of several that try at once, one gets it. It holds among
 * processes of one kernel: a directory on a network disk is not guarded against another machine.
 *
 * @param answerMs who is alive and says nothing for so long counts as the holder @default 10 s
 * @throws if another process holds it, or this one does already; if no socket can be made in it
 */
export async function lockDirectory(directory: string, answerMs = ANSWER_MS): Promise<DirectoryLock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const sockets = openLockSockets(realpathSync(directory), answerMs);
  let own: LockSocket | undefined;
  try {
    for (;;) {
      own ??= await sockets.show();
      const rival = await sockets.findRival(own);
      if (!rival && own.isShown()) {
        own.hold();
        return { release: own.close };
      }
      // It waits for whoever has a greater name: if those waited too, nobody would get it.
      if (!rival || rival.name < own.name) {
        await own.close();
        own = undefined;
      }
      const holder = await rival?.holder;
      if (holder !== undefined) throw inUse(directory, holder);
    }
  } catch (error) {
    await own?.close();
    throw error;
  } finally {
    sockets.close();
  }
}

function inUse(directory: string, holder: string): Error {
  const who = holder === '' ? '' : ` (${holder})`;
  return new Error(
    `${directory} is in use by another process${who}: stop it first, or choose another --data directory`,
  );
}
