import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type ControlSocket, openControlSocket } from '../../adapters/embedded/control-socket.ts';
import { createMemoryAudit } from '../../adapters/memory/logger.ts';
import { prometheusText } from '../../adapters/metrics/prometheus-text.ts';
import { createControl } from '../../edge/control.ts';
import { nodeWithDeadLetters } from '../helpers/dead-letters.ts';
import { killAll, run } from '../helpers/processes.ts';

/** The real command against a node in this process that has dead letters. */

jest.setTimeout(60_000);
let data: string;
let socket: ControlSocket;
const command = (...args: string[]) => run('dead-letters', ...args, '--data', data);

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'headwater-letters-'));
  for (const node of ['node-1', 'silent']) await mkdir(join(data, 'nodes', node), { recursive: true });
  const { node } = await nodeWithDeadLetters();
  const control = createControl({ node, audit: createMemoryAudit(), metricsText: prometheusText });
  socket = await openControlSocket(join(data, 'nodes', 'node-1'), control);
});
afterAll(async () => {
  await killAll();
  await socket.close();
  await rm(data, { recursive: true });
});

test('list: of all nodes; who does not run is named', async () => {
  const { code, out, err } = await command('list');
  expect({ code, err }).toEqual({ code: 0, err: 'not asked, since they do not run: silent (1)\n' });
  expect(out.split('\n').slice(0, 3)).toEqual([
    expect.stringMatching(/^node +id +priority +records +reason +attempts +since +epoch +positions$/),
    expect.stringMatching(/^node-1 +1 +low +2 +not-allowed +2 +2026-\S+Z +[0-9a-f]{16} +0–1$/),
    expect.stringMatching(/^node-1 +2 +low +2 .* 2–3$/),
  ]);
});

test('show: a table of the first records, or every one as NDJSON', async () => {
  const [table, first, json] = await Promise.all([
    command('show', '2', '--node', 'node-1'),
    command('show', '2', '--node', 'node-1', '--first', '1'),
    command('show', '2', '--node', 'node-1', '--json'),
  ]);
  expect(table.out).toMatch(/\n\nposition +time +device +stream +value +quality +clock\n/);
  expect(table.out).toMatch(/^ +3 +2026-\S+Z +m-1 +level +13 +good +synced$/m);
  expect(first.out).toMatch(/^… and 1 more records: --first N, or --json for all$/m);
  const lines = json.out.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { node: 'node-1', letter: '2', position: 2, device: 'm-1', stream: 'level', value: 12 },
    { position: 3, value: 13 },
  ]);
});

test('discard wants --yes; replay takes ids; of two nodes one has to be chosen', async () => {
  expect(await command('discard', '1')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/has 2 nodes: choose one/),
  });
  const of = ['--node', 'node-1'];
  expect(await command('discard', '1', ...of)).toMatchObject({ code: 1, err: expect.stringMatching(/add --yes/) });
  expect(await command('discard', '1', '--yes', ...of)).toMatchObject({
    code: 0,
    out: 'node node-1: 2 records are gone\n',
  });
  expect(await command('discard', '1', '--yes', ...of)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/no-such-letter/),
  });
  expect(await command('replay', '2', '3', ...of, '--json')).toMatchObject({ code: 0 });
  expect(JSON.parse((await command('list', '--json', ...of)).out)).toMatchObject([{ id: '4', node: 'node-1' }]);
  expect(await command('list', '--node', 'silent')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/node silent does not run on .*: start it/),
  });
});
