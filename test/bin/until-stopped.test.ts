import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';

let folder: string;
let bundle: string;
/** Says what it waits for, and ends by itself a moment after it was asked to stop: as commands do. */
const PROGRAM = `
  import { untilStopped } from './bin/running/until-stopped.ts';
  const stopped = untilStopped(undefined);
  const alive = setInterval(() => undefined, 1_000);
  process.stdout.write('ready');
  stopped.then(() => setTimeout(() => { clearInterval(alive); process.exit(0); }, 400));
`;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-signals-'));
  bundle = join(folder, 'program.mjs');
  await build({
    stdin: { contents: PROGRAM, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
  });
});
afterAll(() => rm(folder, { recursive: true }));

async function endedBy(...signals: NodeJS.Signals[]): Promise<number | null> {
  const child = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  for (const signal of signals) child.kill(signal);
  const [code] = await once(child, 'exit');
  return code;
}

test('one Ctrl-C may arrive twice, from the terminal and from npm: it is one', async () => {
  expect(await endedBy('SIGINT', 'SIGINT')).toBe(0);
  expect(await endedBy('SIGINT')).toBe(0);
});

test('another signal while it stops ends it at once', async () => {
  expect(await endedBy('SIGINT', 'SIGTERM')).toBe(130);
});
