import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { deployCommand } from '../../bin/commands/deploy.ts';
import { cdkArguments } from '../../bin/running/cdk-call.ts';
import { runDeploy } from '../../bin/running/run-deploy.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, writeFleet } from '../helpers/processes.ts';

const FLEET = { name: 'my_rig', file: 'fleets/rig.yaml' };
const STACKS = ['Headwater-my-rig-Foundation', 'Headwater-my-rig-Storage', 'Headwater-my-rig-Ingest'];
const CONTEXT = ['-c', `fleet=${resolve('fleets/rig.yaml')}`];

describe('the arguments for the CDK CLI', () => {
  test('all stacks of the fleet, in order', () => {
    expect(cdkArguments(FLEET, {}, [])).toEqual(['deploy', ...STACKS, ...CONTEXT]);
  });

  test('every option, paths absolute, more arguments last', () => {
    const options = { profile: 'p', region: 'r', requireApproval: 'never', outputs: 'out.json', stack: ['ingest'] };
    expect(cdkArguments(FLEET, options, ['--hotswap'])).toEqual([
      ...['deploy', 'Headwater-my-rig-Ingest', ...CONTEXT, '--profile', 'p', '--region', 'r'],
      ...['--require-approval', 'never', '--outputs-file', resolve('out.json'), '--hotswap'],
    ]);
  });

  test('diff and destroy take no options of deploy; only --yes takes the question away', () => {
    const options = { requireApproval: 'never', outputs: 'out.json' };
    expect(cdkArguments(FLEET, { ...options, diff: true }, [])).toEqual(['diff', ...STACKS, ...CONTEXT]);
    expect(cdkArguments(FLEET, { ...options, destroy: true }, [])).toEqual(['destroy', ...STACKS, ...CONTEXT]);
    expect(cdkArguments(FLEET, { destroy: true, yes: true }, [])).toEqual([
      'destroy',
      ...STACKS,
      ...CONTEXT,
      '--force',
    ]);
  });

  test('--yes approves changes, and never destroys by itself', () => {
    expect(cdkArguments(FLEET, { yes: true }, [])).toEqual([
      ...['deploy', ...STACKS, ...CONTEXT, '--require-approval', 'never'],
    ]);
    expect(cdkArguments(FLEET, { yes: true, requireApproval: 'broadening' }, []).slice(-1)).toEqual(['broadening']);
    expect(cdkArguments(FLEET, { yes: true, diff: true }, [])).toEqual(['diff', ...STACKS, ...CONTEXT]);
    const parsed = deployCommand()
      .exitOverride()
      .action(() => undefined)
      .parse(['fleet.yaml', '--yes'], { from: 'user' });
    expect(parsed.opts()).toEqual({ yes: true });
  });

  test('a stack by its whole name, and one that there is not', () => {
    expect(cdkArguments(FLEET, { stack: ['Headwater-my-rig-Storage'] }, [])[1]).toBe('Headwater-my-rig-Storage');
    expect(() => cdkArguments(FLEET, { stack: ['Storag'] }, [])).toThrow(
      '--stack Storag: expected one of Foundation, Storage, Ingest; did you mean Storage?',
    );
  });
});

describe('deploy', () => {
  let folder: { path: string; remove: () => Promise<void> };
  let fleet: string;
  const said: string[] = [];
  const write = process.stderr.write;
  const minimal = {
    name: 'rig',
    streams: { v: {} },
    deviceGroups: { g: { streams: ['v'], source: { type: 'file', path: 'x.csv', columns: { v: 'v' } } } },
    nodes: [{ name: 'n-1', site: 'here', deviceGroups: ['g'] }],
    uplink: [{ type: 'iot-core' }],
  };

  beforeEach(async () => {
    folder = await makeTemporaryDirectory();
    fleet = await writeFleet(folder.path, minimal);
    said.length = 0;
    process.stderr.write = ((text: string) => said.push(text) > 0) as typeof write;
  });
  afterEach(async () => {
    process.stderr.write = write;
    process.exitCode = undefined;
    await folder.remove();
  });

  /** A package root whose CDK CLI is this script; `note` is a file that it may write to. */
  async function rootWith(script: string): Promise<{ root: string; note: string }> {
    const note = join(folder.path, 'note.json');
    await mkdir(join(folder.path, 'node_modules/aws-cdk/bin'), { recursive: true });
    await writeFile(join(folder.path, 'node_modules/aws-cdk/package.json'), '{"type":"module"}');
    const lead = `import { writeFileSync } from 'node:fs';const note = (value) => writeFileSync(${JSON.stringify(note)}, JSON.stringify(value));\n`;
    await writeFile(join(folder.path, 'node_modules/aws-cdk/bin/cdk'), lead + script);
    await writeFile(join(folder.path, 'cdk.json'), '{}');
    return { root: folder.path, note };
  }

  test('runs the package’s own CLI where cdk.json is; its exit code is ours', async () => {
    const { root, note } = await rootWith(
      'note({ args: process.argv.slice(2), cwd: process.cwd() }); process.exit(3);',
    );
    await runDeploy(fleet, ['--ci'], { requireApproval: 'never' }, root);
    expect(process.exitCode).toBe(3);
    const { args, cwd } = JSON.parse(await readFile(note, 'utf8'));
    expect(resolve(cwd)).toBe(resolve(root));
    expect(args.slice(0, 4)).toEqual([
      'deploy',
      'Headwater-rig-Foundation',
      'Headwater-rig-Storage',
      'Headwater-rig-Ingest',
    ]);
    expect(args.slice(4)).toEqual(['-c', `fleet=${fleet}`, '--require-approval', 'never', '--ci']);
    expect(said).toEqual([]);
  });

  test('a signal goes on to the CLI, and is waited for', async () => {
    const { root, note } = await rootWith(
      "process.on('SIGTERM', () => { note('stopped well'); process.exit(9); }); setInterval(() => {}, 1_000); note('ready');",
    );
    const before = process.listenerCount('SIGTERM');
    const running = runDeploy(fleet, [], {}, root);
    const seen = () => readFile(note, 'utf8').catch(() => '');
    await eventually('the CLI runs', async () => (await seen()) === '"ready"');
    process.emit('SIGTERM', 'SIGTERM');
    await running;
    expect({ note: await seen(), code: process.exitCode }).toEqual({ note: '"stopped well"', code: 9 });
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  test('a fleet file with problems: they are reported, and the CLI does not run', async () => {
    const { root, note } = await rootWith('note(1);');
    const bad = await writeFleet(folder.path, { ...minimal, nodes: [] });
    await runDeploy(bad, [], {}, root);
    expect(process.exitCode).toBe(1);
    expect(said.join('')).toMatch(/fleet\.yaml:\d+:\d+: nodes/);
    await expect(readFile(note)).rejects.toThrow('ENOENT');
  });

  test('no uplink to IoT Core is warned of', async () => {
    const { root } = await rootWith('');
    await runDeploy(await writeFleet(folder.path, { ...minimal, uplink: [{ type: 'hub' }] }), [], {}, root);
    expect(said.join('')).toContain('warning: no uplink is iot-core');
    expect(process.exitCode).toBe(0);
  });

  test('without the development dependencies it says what is missing and what to do', async () => {
    await expect(runDeploy(fleet, [], {}, folder.path)).rejects.toThrow(
      /node_modules\/aws-cdk\/bin\/cdk is missing: deploying needs a checkout .*npm ci/,
    );
  });
});
