import { linkSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lockDirectory } from '../../../adapters/embedded/directory-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'headwater-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('one holder at a time, and free after release', async () => {
  const first = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toThrow(/in use by another process/);
  await first.release();
  const second = await lockDirectory(directory);
  await second.release();
});

test('a socket whose process died is no lock', async () => {
  const path = join(directory, 'lock.sock');
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(path, resolve));
  // The file stays behind when a process is killed: closing removes it, so a second name keeps it.
  linkSync(path, `${path}.kept`);
  await new Promise<void>((resolve) => dead.close(() => resolve()));
  renameSync(`${path}.kept`, path);
  const lock = await lockDirectory(directory);
  await lock.release();
});

test('a path too long for a socket is locked all the same', async () => {
  const deep = join(directory, 'x'.repeat(120));
  const first = await lockDirectory(deep);
  await expect(lockDirectory(deep)).rejects.toThrow(/in use/);
  await first.release();
});
