import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fleetFile, synthesise } from '../helpers/fleet-templates.ts';
import { readCloud } from './cloud.ts';
import { REGION } from './emulator/start.ts';

/** cfn-lint, AWS's own checks of templates against the published schemas, on every fleet that ships. */
const { python } = readCloud();
/** Its own script in the environment names the folder in which the environment was made. */
const CFN_LINT = ['-c', 'import sys; from cfnlint.runner import main; sys.exit(main())'];
const FLEETS = resolve(import.meta.dirname, '../../fleets');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-lint-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Finding {
  Filename: string;
  Level: string;
  Message: string;
  Rule: { Id: string };
  Location: { Path: (string | number)[] };
}

async function lint(files: readonly string[]): Promise<Finding[]> {
  const args = [...CFN_LINT, '--format', 'json', '--regions', REGION, '--non-zero-exit-code', 'none', ...files];
  const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
}
const errorsOf = (findings: readonly Finding[]): string[] =>
  findings
    .filter(({ Level }) => Level === 'Error')
    .map(
      ({ Filename, Rule, Message, Location }) =>
        `${basename(Filename)} ${Rule.Id} ${Location.Path.join('/')}: ${Message}`,
    );

test('the templates of all fleets that ship are without errors, and a planted one is seen', async () => {
  const fleets = (await readdir(FLEETS)).filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -5));
  expect(fleets).toHaveLength(4);
  const files: string[] = [];
  const write = async (name: string, text: string): Promise<void> => {
    files.push(join(folder, `${name}.json`));
    await writeFile(files.at(-1)!, text);
  };
  for (const name of fleets) {
    const { texts } = synthesise(await fleetFile(name));
    for (const [stack, text] of Object.entries(texts)) await write(`${name}-${stack}`, text);
  }
  const { texts } = synthesise(await fleetFile(fleets[0]!));
  const planted = texts.Ingest.replace('"MemorySize": 1769', '"MemorySize": 17');
  expect(planted).not.toBe(texts.Ingest);
  await write('planted', planted);
  const errors = errorsOf(await lint(files));
  expect(errors).toEqual([expect.stringMatching(/^planted\.json .*Properties\/MemorySize: 17 is less than/)]);
}, 120_000);
