import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { askNumber } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { type Ended, eventually, killAll, launch, run, writeFleet } from '../helpers/processes.ts';

/** Log lines, events and windows, from a file of JSON lines to the answer of a query: real processes. */

jest.setTimeout(60_000);
const WINDOW = Array.from({ length: 4_096 }, (_, at) => Math.round(1_000 * Math.sin(at / 20)) / 1_000 + 0);
const LINES = [
  { line: 'W7 lubrication low', event: { what: 'jam', severity: 3, at: { x: 1.5, y: null } }, window: WINDOW },
  { line: 'x'.repeat(9_000), event: { severity: 1 }, window: [0.5, 1e300] },
  { line: 'y'.repeat(20_000), event: ['no', 'object'], window: [] },
];

let folder: { path: string; remove: () => Promise<void> };
const ask = (sql: string, ...options: string[]): Promise<Ended> =>
  run('query', sql, ...options, '--data', join(folder.path, 'data'));
beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  await writeFile(join(folder.path, 'input.ndjson'), LINES.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const fleet = await writeFleet(folder.path, {
    name: 'kinds',
    streams: {
      line: { kind: 'log', priority: 'low', sync: '100ms' },
      event: { kind: 'json', priority: 'high', sync: '100ms' },
      window: { kind: 'array', unit: 'mm/s', sync: '100ms' },
    },
    deviceGroups: {
      press: {
        streams: ['line', 'event', 'window'],
        source: {
          type: 'file',
          format: 'ndjson',
          path: 'input.ndjson',
          columns: { line: 'line', event: 'event', window: 'window' },
        },
      },
    },
    nodes: [{ name: 'gateway', site: 'here', deviceGroups: ['press'] }],
  });
  const data = join(folder.path, 'data');
  launch(['start', fleet, '--json', '--port', '0', '--mqtt-port', '0', '--data', data]);
  await eventually('all is stored', async () => (await askNumber(data, 'SELECT count(*) FROM records')) === 6);
});
afterAll(async () => {
  await killAll();
  await folder.remove();
});

test('every value is there as it was sent, in the column of its kind', async () => {
  const answer = await ask('SELECT stream, value, text, samples FROM records ORDER BY stream, position', '--json');
  expect((JSON.parse(answer.out) as { rows: unknown[] }).rows).toEqual([
    ['event', null, '{"at":{"x":1.5,"y":null},"severity":3,"what":"jam"}', null],
    ['event', null, '{"severity":1}', null],
    ['line', null, LINES[0]!.line, null],
    ['line', null, LINES[1]!.line, null],
    [
      'window',
      null,
      null,
      `[${WINDOW.map((sample) => (Number.isInteger(sample) ? `${sample}.0` : sample)).join(', ')}]`,
    ],
    ['window', null, null, '[0.5, 1e+300]'],
  ]);
});

test('SQL reaches into events and windows', async () => {
  const sql = `SELECT text ->> 'what' AS what, (text -> 'severity')::INTEGER AS severity FROM records
    WHERE stream = 'event' ORDER BY severity`;
  const events = JSON.parse((await ask(sql, '--json')).out) as { rows: unknown[] };
  expect(events.rows).toEqual([
    [null, 1],
    ['jam', 3],
  ]);
  const windows = JSON.parse(
    (await ask("SELECT len(samples), list_max(samples) FROM records WHERE stream = 'window' ORDER BY 1", '--json')).out,
  ) as { rows: unknown[] };
  expect(windows.rows).toEqual([
    [2, 1e300],
    [4_096, 1],
  ]);
});

test('the table shortens what is long', async () => {
  const { out } = await ask('SELECT stream, text, samples FROM records ORDER BY stream, position');
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(200);
  expect(out).toContain(`${'x'.repeat(79)}…`);
  expect(out).toContain('[0.0, 0.05, 0.1, 0.149, … 4096 in all]');
  expect(out).toContain('[0.5, 1e+300]');
});

test('what the border does not take is in the quarantine with its limits', async () => {
  const { out } = await run('quarantine', 'list', '--data', join(folder.path, 'data'));
  for (const detail of [
    'log line of 20000 bytes, allowed 16384',
    'expected a JSON object',
    'array of 0 samples, expected at least 1',
  ]) {
    expect(out).toContain(detail);
  }
});
