import { hkdfSync } from 'node:crypto';
import type { Epoch } from '../core/identity.ts';
import type { KeyRing } from '../core/key-ring.ts';

export type { KeyRing } from '../core/key-ring.ts';

/** Logs of a directory and their part of the nonce. */
export const LOGS = { records: 1, forward: 2, letters: 3 } as const;
export type LogName = keyof typeof LOGS;

/** What the blocks of one log and epoch are sealed with. */
export interface DataKey {
  /** Of the ring's key that it was derived from. */
  id: number;
  log: LogName;
  key: Uint8Array;
}

/** The keys of one log. */
export interface LogKeys {
  /** For a new segment of this epoch. */
  current(epoch: Epoch): DataKey;
  /** Undefined if the ring does not have that key. */
  find(id: number, epoch: Epoch): DataKey | undefined;
}

/**
 * Derives data keys from the node's: `HKDF-SHA256(node key, salt = epoch, info = "headwater-journal-v1\0" producer "\0" log)`.
 * Whoever learns the data key of one epoch learns nothing of another's.
 */
export function createLogKeys(ring: Pick<KeyRing, 'current' | 'find'>, producer: string, log: LogName): LogKeys {
  const derived = new Map<string, DataKey>();
  const derive = (id: number, key: Uint8Array, epoch: Epoch): DataKey => {
    const name = `${id}/${epoch}`;
    const known = derived.get(name);
    if (known) return known;
    const info = `headwater-journal-v1\0${producer}\0${log}`;
    const made: DataKey = {
      id,
      log,
      key: new Uint8Array(hkdfSync('sha256', key, Buffer.from(epoch, 'hex'), info, 32)),
    };
    derived.set(name, made);
    return made;
  };
  return {
    current(epoch) {
      const { id, key } = ring.current();
      return derive(id, key, epoch);
    },
    find(id, epoch) {
      const key = ring.find(id);
      return key && derive(id, key, epoch);
    },
  };
}
