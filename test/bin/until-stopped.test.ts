import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
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

interface Ending {
  code: number | null;
  said: string;
}

/** Signals one after another, so many ms apart. */
async function endedBy(signals: readonly NodeJS.Signals[], apartMs = 0): Promise<Ending> {
  const child = spawn(process.execPath, [bundle], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  for (const [at, signal] of signals.entries()) {
    if (at > 0 && apartMs > 0) await setTimeout(apartMs);
    child.kill(signal);
  }
  const [code] = await ended;
  return { code, said };
}

const IN_ORDER: Ending = { code: 0, said: '' };

test('one Ctrl-C may arrive twice, from the terminal and from npm: it is one', async () => {
  expect(await endedBy(['SIGINT', 'SIGINT'])).toEqual(IN_ORDER);
  expect(await endedBy(['SIGINT'])).toEqual(IN_ORDER);
});

test('a second Ctrl-C while it stops ends it at once, and says so', async () => {
  const { code, said } = await endedBy(['SIGINT', 'SIGINT'], 280);
  expect([code, said]).toEqual([130, expect.stringMatching(/^headwater: second Ctrl-C: stopped at once/)]);
});

test.each<NodeJS.Signals[][]>([
  [['SIGTERM', 'SIGTERM']],
  [['SIGTERM', 'SIGTERM', 'SIGTERM']],
  [['SIGINT', 'SIGTERM']],
  [['SIGTERM', 'SIGINT']],
])('a supervisor that repeats itself gets no less than an ending in order: %s', async (signals) => {
  expect(await endedBy(signals, 280 / (signals.length - 1))).toEqual(IN_ORDER);
});
