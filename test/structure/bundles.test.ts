import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const FUNCTIONS = ['aggregate', 'compare', 'ingest', 'sweep'];
const run = promisify(execFile);
const folders: string[] = [];

beforeAll(async () => {
  for (const _ of [1, 2]) {
    const folder = mkdtempSync(join(tmpdir(), 'headwater-build-'));
    folders.push(folder);
    await run(process.execPath, ['build.mjs', folder], { cwd: ROOT });
  }
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const bundle = (folder: string, name: string): string => join(folder, 'lambdas', name, 'index.mjs');

test('every function has a bundle', () => {
  expect(readdirSync(join(folders[0]!, 'lambdas')).sort()).toEqual(FUNCTIONS);
});

test.each(FUNCTIONS)('%s is the same bytes from two builds, so that a second deployment changes nothing', (name) => {
  const [first, second] = folders.map((folder) => readFileSync(bundle(folder, name), 'utf8'));
  expect(first === second).toBe(true);
  expect(first).not.toContain(ROOT);
});

test.each(FUNCTIONS)('%s holds all that it needs, and is small enough to start quickly', async (name) => {
  // From outside the tree, where no package is to be found.
  const script = `import(${JSON.stringify(pathToFileURL(bundle(folders[0]!, name)).href)}).then((m) => process.stdout.write(typeof m.handler))`;
  const env = { PATH: process.env.PATH, AWS_REGION: 'eu-west-1' };
  const { stdout } = await run(process.execPath, ['-e', script], { cwd: folders[0]!, env });
  expect(stdout).toBe('function');
  expect(statSync(bundle(folders[0]!, name)).size).toBeLessThan(4 * 1024 ** 2);
});
