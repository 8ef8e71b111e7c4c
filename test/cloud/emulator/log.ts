import { readFile } from 'node:fs/promises';

/**
 * MiniStack goes on after a warning where a rule calls an SQL function that it does not know, and the value is missing.
 * @throws with those lines
 */
export async function refuseUnimplemented(log: string): Promise<void> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line.includes('does not implement'));
  if (lines.length > 0) throw new Error(`the emulator lacks what was deployed or called:\n${lines.join('\n')}`);
}
