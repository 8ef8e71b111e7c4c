import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { launch } from '../helpers/processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'headwater-cdk-app-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { app } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { app: string };

/** The app of cdk.json as the CDK command line starts it. */
function startApp(context: Record<string, string>): Promise<{ code: number; err: string }> {
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    CDK_CONTEXT_JSON: JSON.stringify(context),
    CDK_OUTDIR: join(folder, 'out'),
  };
  const [command, ...args] = app.split(' ');
  return new Promise((done) => {
    execFile(command!, args, { cwd: ROOT, env }, (error, _out, err) => done({ code: Number(error?.code ?? 0), err }));
  });
}

describe('the CDK app', () => {
  test('says what is wrong with a fleet file as `headwater check` does, and makes no stack', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'version: 1\nname: Bad Name\nsites: {}\n');
    const [started, checked] = await Promise.all([startApp({ fleet: file }), launch(['check', file]).ended]);
    expect(started.code).toBe(1);
    expect(started.err.split('\n').length).toBeGreaterThan(3);
    expect(checked.err).toBe(`${started.err}${started.err.trim().split('\n').length} problems\n`);
  });

  test('says what has no room in an account', async () => {
    const file = join(folder, 'many.yaml');
    const small = readFileSync(join(ROOT, 'fleets/small-factory.yaml'), 'utf8');
    const nodes = Array.from(
      { length: 300 },
      (_, at) => `  - { name: hall-${at}, site: main-plant, deviceGroups: [press] }`,
    );
    writeFileSync(
      file,
      small.replace(/^nodes:\n[\s\S]*?(?=^# Where nodes deliver to)/m, `nodes:\n${nodes.join('\n')}\n`),
    );
    const { code, err } = await startApp({ fleet: file });
    expect(err).toMatch(/many\.yaml: nodes: their names take \d+ bytes of the functions' environment, allowed 3000/);
    expect(code).toBe(1);
  });

  test('asks for a fleet file', async () => {
    expect(await startApp({})).toEqual({ code: 2, err: expect.stringContaining('add -c fleet=PATH') });
  });
});
