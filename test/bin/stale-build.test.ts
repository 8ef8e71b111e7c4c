import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

let clone: string;
beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'headwater-clone-'));
  for (const folder of ['bin', 'dist', 'core/deep', 'test']) await mkdir(join(clone, folder), { recursive: true });
  await copyFile('bin/headwater.js', join(clone, 'bin/headwater.js'));
  await writeFile(join(clone, 'package.json'), '{"type":"module"}');
  await writeAt('dist/headwater.js', 1_000, 'console.log("ran");');
});
afterEach(() => rm(clone, { recursive: true }));

async function writeAt(path: string, seconds: number, text = ''): Promise<void> {
  await writeFile(join(clone, path), text);
  await utimes(join(clone, path), seconds, seconds);
}
const run = () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(clone, 'bin/headwater.js')], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

test('says when the build is older than the sources, and runs all the same', async () => {
  await writeAt('core/deep/ledger.ts', 1_001);
  const stderr = 'headwater: dist/ was built before core/deep/ledger.ts changed: run "npm run build"\n';
  expect(run()).toEqual({ status: 0, stdout: 'ran\n', stderr });
});

test('says nothing of sources that are older, of other files, and where there are no sources', async () => {
  expect(run()).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
  await writeAt('core/deep/ledger.ts', 999);
  await writeAt('core/notes.md', 1_001);
  await writeAt('test/ledger.test.ts', 1_001);
  expect(run()).toMatchObject({ stderr: '' });
});

test('says what to do where nothing was built', async () => {
  await rm(join(clone, 'dist'), { recursive: true });
  expect(run()).toMatchObject({ status: 1, stderr: expect.stringContaining('run "npm run build" first') });
});
