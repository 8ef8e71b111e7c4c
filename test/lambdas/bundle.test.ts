import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FUNCTIONS = ['ingest', 'aggregate', 'sweep', 'compare'];
/** Packages that are CommonJS inside ask for Node's modules by `require`. */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'headwater-bundle-'));
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(FUNCTIONS.map((name) => [`${name}/index`, `lambdas/${name}/index.ts`])),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: REQUIRE },
  });
});
afterAll(() => rm(directory, { recursive: true }));

/** What one invocation says, in a process of its own, far from any node_modules. */
async function invoke(name: string, env: Record<string, string>): Promise<string> {
  const url = pathToFileURL(join(directory, name, 'index.mjs')).href;
  const script = `
    const { handler } = await import(${JSON.stringify(url)});
    for (const _ of [1, 2]) {
      const say = (error) => console.log(error.message);
      await handler({ Records: [{ messageId: 'm-1', body: 'no JSON' }] }, { getRemainingTimeInMillis: () => 60000 }).then((result) => console.log(JSON.stringify(result)), say);
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: directory,
    env: { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', ...env },
  });
  return stdout;
}

test.each(FUNCTIONS)(
  'the bundle of %s gives a handler that names what its environment lacks, each time',
  async (name) => {
    const lines = (await invoke(name, {})).trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(new Set(lines).size).toBe(1);
    expect(lines[0]).toContain('environment of the function: HEADWATER_');
    expect(lines[0]).toMatch(name === 'compare' ? 'HEADWATER_TABLE' : 'HEADWATER_BUCKET');
  },
);

test('with its environment it answers, and logs JSON on stdout', async () => {
  const [log, answer] = (await invoke('aggregate', { HEADWATER_BUCKET: 'cold' })).trim().split('\n');
  expect(JSON.parse(log!)).toMatchObject({ level: 50, message: 'm-1', err: { type: 'SyntaxError' } });
  expect(answer).toBe('{"batchItemFailures":[{"itemIdentifier":"m-1"}]}');
});
