import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A disk of its own of so many bytes; only root on Linux can make one. */
export interface SmallDisk {
  resize(bytes: number): void;
  remove(): void;
}

export const canMakeDisks = process.platform === 'linux' && process.getuid?.() === 0;

export function makeSmallDisk(directory: string, bytes: number): SmallDisk {
  mkdirSync(directory, { recursive: true });
  const mount = (...args: string[]): void => void execFileSync('mount', args);
  mount('-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'headwater-test', directory);
  return {
    resize: (more) => mount('-o', `remount,size=${more}`, directory),
    remove: () => void execFileSync('umount', [directory]),
  };
}
