import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { withoutStaleBuild } from '../helpers/stale-build.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TSX = join(ROOT, 'node_modules/tsx/dist/loader.mjs');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

const runnerOf =
  (argv: string[]) =>
  (...args: string[]): Promise<Ended> =>
    new Promise((done, fail) => {
      const child = spawn(process.execPath, [...argv, ...args], {
        cwd: folder,
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      const ended: Ended = { code: null, out: '', err: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        ended.out += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        ended.err += text;
      });
      child.on('error', fail).on('close', (code) => done({ ...ended, code, err: withoutStaleBuild(ended.err) }));
    });

const RUNNERS = [
  { name: 'from source', argv: ['--import', TSX, join(ROOT, 'bin/headwater.ts')], here: true },
  { name: 'bundled', argv: [join(ROOT, 'bin/headwater.js')], here: existsSync(join(ROOT, 'dist/headwater.js')) },
];

// The bundle exists after `npm run build`, which runs before the tests of `npm test`.
describe.each(RUNNERS.filter(({ here }) => here))('headwater $name', ({ name, argv }) => {
  const headwater = runnerOf(argv);

  test('writes a fleet file that passes its own check, once', async () => {
    const file = `${name.replace(' ', '-')}.yaml`;
    expect(await headwater('init', '--size', 'oil-platform', '--output', file)).toMatchObject({ code: 0, err: '' });
    const shipped = await readFile(join(ROOT, 'fleets/oil-platform.yaml'), 'utf8');
    expect(await readFile(join(folder, file), 'utf8')).toBe(shipped);
    const checked = await headwater('check', file);
    expect(checked).toMatchObject({ code: 0, err: '' });
    expect(checked.out).toContain('as declared: 50 nodes, 50,000 devices, 132,500 streams');

    await writeFile(join(folder, file), 'mine');
    const again = await headwater('init', '--output', file);
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.err).toContain(`${file} exists`);
    expect(await readFile(join(folder, file), 'utf8')).toBe('mine');
    expect(await headwater('init', '--output', file, '--force')).toMatchObject({ code: 0 });
    expect(await readFile(join(folder, file), 'utf8')).toContain('name: small-factory');
  });

  test('reports every problem with its place, for people and for scripts', async () => {
    await writeFile(
      join(folder, 'bad.yaml'),
      'version: 1\nname: X\nnodes: []\nsites: {}\nstreams: {}\ndeviceGroups: {}\n',
    );
    const people = await headwater('check', 'bad.yaml');
    expect(people).toMatchObject({ code: 1, out: '' });
    expect(people.err.split('\n')).toEqual([
      expect.stringMatching(/^bad\.yaml:2:7: name: expected a name.* \(seen "X"\)$/),
      'bad.yaml:3:8: nodes: number of entries must be at least 1 (seen a list of 0)',
      '2 problems',
      '',
    ]);
    const scripts = await headwater('check', 'bad.yaml', '--json');
    expect(scripts).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(scripts.out)).toMatchObject({
      ok: false,
      problems: [
        { file: 'bad.yaml', line: 2, column: 7 },
        { file: 'bad.yaml', line: 3, column: 8 },
      ],
    });
    expect((await headwater('check', 'none.yaml')).err).toContain('cannot read none.yaml: there is no such file');
  });
});

describe('headwater', () => {
  const headwater = runnerOf(RUNNERS.findLast(({ here }) => here)!.argv);

  test('prints the JSON Schema', async () => {
    const { code, out } = await headwater('schema');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      type: 'object',
      required: ['version', 'name', 'sites', 'streams', 'deviceGroups', 'nodes'],
      additionalProperties: false,
    });
  });

  test('knows its version, shows examples, and suggests what was meant', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await headwater('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const help = await headwater('--help');
    expect(help.code).toBe(0);
    expect(help.out).toContain('$ headwater check fleet.yaml');
    const typo = await headwater('chekc');
    expect(typo.code).toBe(2);
    expect(typo.err).toContain("unknown command 'chekc': did you mean check?");
  });

  test('a command that there is not stays unknown with --help, below another command too', async () => {
    const typo = await headwater('chekc', '--help');
    expect(typo).toMatchObject({ code: 2, out: '' });
    expect(typo.err).toContain("unknown command 'chekc': did you mean check?");
    const below = await headwater('keys', 'rotat', '--help');
    expect(below).toMatchObject({ code: 2, out: '' });
    expect(below.err).toContain("unknown command 'rotat': did you mean rotate?");
    expect(await headwater('keys', 'rotate', '--help')).toMatchObject({ code: 0, err: '' });
    expect(await headwater('help', 'check')).toMatchObject({ code: 0, err: '' });
  });

  test.each([[[]], [['check']], [['init', '--size', 'huge']], [['check', 'a', '--nope']]])(
    'exits with 2 when called wrongly: %j',
    async (args) => {
      const { code, err } = await headwater(...args);
      expect(code).toBe(2);
      expect(err).not.toBe('');
    },
  );
});
