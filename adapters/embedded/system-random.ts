import { randomBytes } from 'node:crypto';
import type { Random } from '../../core/ports.ts';

/** Random numbers of the operating system. */
export const systemRandom: Random = {
  u64: () => randomBytes(8).readBigUInt64LE(),
  fraction: () => Math.random(),
};
