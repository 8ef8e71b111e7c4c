import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { lockDirectory } from '../../../adapters/embedded/directory-lock.ts';
import type { Came, Go } from '../../helpers/lock-contender.ts';

let folder: string;
let script: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headwater-locks-'));
  script = join(folder, 'contender.mjs');
  const entry = fileURLToPath(new URL('../../helpers/lock-contender.ts', import.meta.url));
  await build({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile: script });
});
afterAll(() => rmSync(folder, { recursive: true }));

const running = new Set<ChildProcess>();
afterEach(async () => {
  await Promise.all([...running].map(kill));
});

async function contender(temporary = tmpdir()): Promise<ChildProcess> {
  const child = fork(script, { env: { ...process.env, NODE_OPTIONS: '', TMPDIR: temporary }, execArgv: [] });
  running.add(child);
  await once(child, 'message');
  return child;
}

async function tryIt(child: ChildProcess, go: Go): Promise<Came> {
  const answered = once(child, 'message');
  child.send(go);
  return (await answered)[0] as Came;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  running.delete(child);
  child.kill('SIGKILL');
  await ended;
}

test('whenever the holder is killed, one of those that try at once gets it', async () => {
  const directory = join(folder, 'node');
  let rivals = await Promise.all([1, 2, 3, 4].map(() => contender()));
  for (let round = 0; round < 40; round++) {
    const go: Go = { directory, atMs: Date.now() + 20 };
    const came = await Promise.all(rivals.map((child) => tryIt(child, go)));
    const held = rivals.filter((_, index) => came[index]!.held);
    expect(held.map(({ pid }) => pid)).toHaveLength(1);
    for (const one of came) {
      if (!one.held) expect(one.reason).toContain(`${directory} is in use by another process (pid ${held[0]!.pid} on `);
    }
    // Those that try next do not wait until the kernel has cleared it away.
    const gone = kill(held[0]!);
    if (round % 2 === 0) await gone;
    rivals = [...rivals.filter((child) => child !== held[0]), await contender()];
    await gone;
  }
  expect(readdirSync(directory)).toHaveLength(1); // that of the last one killed
}, 120_000);

test('a long path is one directory for all, wherever their temporary folders are', async () => {
  const directory = join(folder, ...Array.from({ length: 5 }, () => 'x'.repeat(50)));
  const temporary = ['a', 'b'].map((name) => join(folder, name));
  for (const path of temporary) mkdirSync(path);
  const [first, second] = await Promise.all(temporary.map(contender));
  const go: Go = { directory, atMs: 0 };
  expect(await tryIt(first!, go)).toEqual({ held: true });
  expect(await tryIt(second!, go)).toEqual({
    held: false,
    reason: expect.stringContaining(`${directory} is in use by another process (pid ${first!.pid} on `),
  });
  await expect(lockDirectory(directory)).rejects.toThrow(`pid ${first!.pid}`);
  await kill(first!);
  expect(await tryIt(second!, go)).toEqual({ held: true });
  await kill(second!);
  const lock = await lockDirectory(directory);
  await lock.release();
  expect(readdirSync(directory)).toEqual([]);
  for (const path of temporary) expect(readdirSync(path)).toEqual([]);
});

test('a lock that is held does not keep its process', async () => {
  const child = await contender();
  expect(await tryIt(child, { directory: join(folder, 'ends'), atMs: 0 })).toEqual({ held: true });
  const ended = once(child, 'exit');
  child.disconnect();
  expect(await ended).toEqual([0, null]);
  running.delete(child);
});
