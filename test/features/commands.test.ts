import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { askNumber, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import {
  type Ended,
  eventually,
  FLEETS,
  killAll,
  type Launched,
  launch,
  run,
  writeFleet,
} from '../helpers/processes.ts';

/** The commands as an operator meets them: real processes, real ports, the fleet that ships. */

jest.setTimeout(60_000);
const FACTORY = join(FLEETS, 'small-factory.yaml');
const FREE_PORTS = ['--port', '0', '--mqtt-port', '0'];
const ONCE = 'SELECT count(*) AS rows, count(DISTINCT (node, producer, epoch, lane, position)) AS ids FROM records';

let folder: { path: string; remove: () => Promise<void> };
let fiveSeconds: Launched;
const inFolder = (name: string): string => join(folder.path, name);
beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  fiveSeconds = begin(inFolder('twice'), '--for', '5s'); // runs beside the other tests; the last one looks at it
});
afterAll(async () => {
  await killAll();
  await folder.remove();
});

/** A problem is one line that says what to do, without a stack; exit code 1. */
function expectProblem({ code, out, err }: Ended, message: RegExp): void {
  expect(err).toMatch(message);
  expect({ code, out, lines: err.trimEnd().split('\n').length }).toEqual({ code: 1, out: '', lines: 1 });
  expect(err).toMatch(/^headwater: /);
}

interface Report {
  balanced: boolean;
  differences: unknown[];
  totals: { collected: number; kept: number; delivered: number; stored: number; waiting: number };
  nodes: {
    node: string;
    sources: Record<string, { collected: number }>;
    storedStreams: { stream: string; rows: number }[];
  }[];
}

const stored = (data: string): Promise<number | undefined> => askNumber(data, 'SELECT count(*) FROM records');
const begin = (data: string, ...options: string[]): Launched =>
  launch(['start', FACTORY, '--json', ...FREE_PORTS, '--data', data, ...options]);

describe('start', () => {
  test('SIGINT: flushes, prints the ledger for people, exits with 0', async () => {
    const data = inFolder('interrupted');
    const started = launch(['start', FACTORY, '--nodes', '1', ...FREE_PORTS, '--data', data]);
    await eventually('something is stored', async () => ((await stored(data)) ?? 0) > 0);
    const { code, out } = await started.end('SIGINT');
    expect(code).toBe(0);
    expect(out).toMatch(/^0s {2}nodes .* hub http:\/\/127\.0\.0\.1:\d+$/m); // plain lines where stdout is no terminal
    expect(out).toMatch(/^balanced: both sides agree/m);
    expect(out).toMatch(/^utilities +normal +(\S+) +\1 +0 +0 +0 +\1 +\1$/m);
  });

  test('a fleet file with problems ends it at once, whatever --for says, before anything is made', async () => {
    const fleet = await writeFleet(folder.path, { name: 'bad', streams: {}, deviceGroups: {}, nodes: [] });
    const data = inFolder('never');
    const ended = await Promise.all([
      run('start', fleet, '--for', '1h', '--data', data),
      run('hub', fleet, '--data', data),
      run('node', fleet, '--node', 'x', '--data', data),
    ]);
    for (const { code, out, err } of ended) {
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toMatch(/^\S+fleet\.yaml:\d+:\d+: nodes: /m);
      expect(err).not.toMatch(/ {4}at /);
    }
    expect(existsSync(data)).toBe(false);
  });
});

describe('beside a running hub', () => {
  let running: Launched;
  let data: string;
  const ask = (sql: string, ...options: string[]): Promise<Ended> => run('query', sql, ...options, '--data', data);
  beforeAll(async () => {
    await mkdir(inFolder('quick'));
    await writeFile(inFolder('quick/input.csv'), 'v,text\n1,a\nnan,b\n2,"c, ""d"""\nx,e\n');
    const fleet = await writeFleet(inFolder('quick'), {
      name: 'quick',
      streams: { v: { sync: '100ms' }, text: { kind: 'text', sync: '100ms' } },
      deviceGroups: {
        bench: {
          streams: ['v', 'text'],
          source: { type: 'file', path: 'input.csv', columns: { v: 'v', text: 'text' } },
        },
      },
      nodes: [{ name: 'gateway', site: 'here', deviceGroups: ['bench'] }],
      hub: { queryTimeout: '500ms' },
    });
    data = inFolder('quick/data');
    running = launch(['start', fleet, '--json', ...FREE_PORTS, '--data', data]);
    await eventually('all is stored', async () => (await stored(data)) === 6);
  });

  test('query: as a table, as JSON, as CSV', async () => {
    const sql = 'SELECT stream, value, text FROM records ORDER BY position, stream';
    const [table, json, csv] = await Promise.all([
      ask('SELECT count(*) AS n FROM records'),
      ask(sql, '--json'),
      ask(sql.replace('ORDER', "WHERE text LIKE 'c%' OR value = 2 ORDER"), '--csv'),
    ]);
    expect(table.out).toMatch(/^n\n6\n1 rows, \d+ ms\n$/);
    expect(JSON.parse(json.out)).toMatchObject({
      columns: [{ name: 'stream' }, { name: 'value' }, { name: 'text' }],
      rows: expect.arrayContaining([
        ['v', 2, null],
        ['text', null, 'c, "d"'],
      ]),
      truncated: false,
    });
    expect(csv).toMatchObject({ code: 0, err: '' });
    expect(csv.out.split('\r\n').sort()).toEqual(['', 'stream,value,text', 'text,,"c, ""d"""', 'v,2,'].sort());
  });

  test('query: each way of showing it keeps the sign of a zero', async () => {
    const sql = "SELECT '-0.0'::DOUBLE AS below, 0.0::DOUBLE AS above";
    const [table, json, csv] = await Promise.all([ask(sql), ask(sql, '--json'), ask(sql, '--csv')]);
    expect(table.out).toMatch(/^below {2}above\n {3}-0 {6}0\n/);
    expect(JSON.parse(json.out)).toMatchObject({ rows: [[-0, 0]] });
    expect(csv.out).toBe('below,above\r\n-0,0\r\n');
  });

  test('query refuses what is not one SELECT over the records, or does not end', async () => {
    const refusals = {
      "SELECT * FROM read_text('/etc/passwd')": 'refused: table function read_text',
      "SELECT content FROM '/etc/passwd'": 'refused: table /etc/passwd',
      "COPY (SELECT 1) TO '/tmp/headwater-must-not-exist.csv'": 'not-a-select',
      'SELECT 1; SELECT 2': 'several-statements',
      'SELECT nothing FROM records': 'invalid: ',
      'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b': 'too-slow: interrupted after 500 ms',
    };
    const refused = await Promise.all(Object.keys(refusals).map((sql) => ask(sql)));
    expect(refused.map(({ code, out, err }) => ({ code, out, err: err.replaceAll(/ {4}at /g, 'STACK') }))).toEqual(
      Object.values(refusals).map((words) => ({
        code: 1,
        out: '',
        err: expect.stringMatching(new RegExp(`^headwater: ${words}(?!.*STACK)`, 's')),
      })),
    );
    expect(existsSync('/tmp/headwater-must-not-exist.csv')).toBe(false);
  });

  test('ledger: for people and as JSON', async () => {
    const [text, json] = await Promise.all([run('ledger', '--data', data), run('ledger', '--json', '--data', data)]);
    expect(text).toMatchObject({ code: 0, err: '' });
    expect(text.out).toMatch(/^gateway +8 +2 +0 +0 +0 +6 +0$/m);
    expect(text.out).toMatch(/^balanced/m);
    expect(JSON.parse(json.out)).toMatchObject({ balanced: true, nodes: [{ node: 'gateway', differences: [] }] });
  });

  test('quarantine list: what was refused, where it stood, and why', async () => {
    const [json, last, nobody] = await Promise.all([
      run('quarantine', 'list', '--json', '--data', data),
      run('quarantine', 'list', 'gateway', '--last', '1', '--data', data),
      run('quarantine', 'list', 'nobody', '--data', data),
    ]);
    const place = { node: 'gateway', source: 'bench', device: 'bench', stream: 'v' };
    expect(JSON.parse(json.out)).toMatchObject([
      { ...place, reason: 'not-finite', origin: 'input.csv line 3' },
      { ...place, reason: 'not-a-number', origin: 'input.csv line 5' },
    ]);
    expect(last.code).toBe(0);
    expect(last.out).toMatch(/not-a-number/);
    expect(last.out).not.toMatch(/not-finite/);
    expectProblem(nobody, /no node "nobody" in .*; it has gateway/);
  });

  test('a second start on the same data is refused and disturbs nothing', async () => {
    const second = await run('start', FACTORY, ...FREE_PORTS, '--data', data);
    expectProblem(second, /another hub is running on .*store/);
    expect(await stored(data)).toBe(6);
  });

  test('a port in use is named', async () => {
    const address = JSON.parse(readFileSync(join(data, 'hub', 'address.json'), 'utf8'));
    const mqttPort = String(address.mqttPort);
    const http = new URL(address.url).port;
    const [hub, start] = await Promise.all([
      run('hub', FACTORY, '--port', http, '--mqtt-port', '0', '--data', inFolder('other')),
      run('start', FACTORY, '--nodes', '1', '--port', '0', '--mqtt-port', mqttPort, '--data', inFolder('another')),
    ]);
    const last = hub.err.trimEnd().split('\n').at(-1)!; // its log goes before
    expectProblem({ ...hub, err: last }, new RegExp(`127\\.0\\.0\\.1:${http} is in use.*--port`));
    expectProblem(start, new RegExp(`port ${mqttPort}: another program listens there`));
  });

  test('SIGTERM: flushes and exits with 0; then nothing answers, and the commands say so', async () => {
    const ended = await running.end('SIGTERM');
    expect({ code: ended.code, report: JSON.parse(ended.out) }).toMatchObject({ code: 0, report: { balanced: true } });
    const [query, ledger, never] = await Promise.all([
      ask('SELECT 1'),
      run('ledger', '--data', data),
      run('query', 'SELECT 1', '--data', inFolder('empty')),
    ]);
    expectProblem(query, /no hub answers at http:\/\/127\.0\.0\.1:\d+: is it running\?/);
    expectProblem(ledger, /no hub answers/);
    expectProblem(never, /no hub was ever started on/);
  });
});

describe('node', () => {
  const credentialsOf = (data: string, node: string): string => join(data, 'hub', 'pki', 'credentials', node);

  test('says which nodes there are, and how an address is written', async () => {
    const [unknown, address] = await Promise.all([
      run('node', FACTORY, '--node', 'pressing', '--data', inFolder('n')),
      run('node', FACTORY, '--node', 'welding', '--hub', 'a:b:c', '--data', inFolder('n')),
    ]);
    expectProblem(unknown, /no node "pressing" in .*; it has utilities, stamping, welding, machining, assembly/);
    expectProblem(address, /--hub a:b:c: expected host or host:port/);
  });

  test('says what is wrong with its credentials, and starts nothing', async () => {
    const made = inFolder('made');
    const hub = launch(['hub', FACTORY, ...FREE_PORTS, '--data', made]);
    await eventually('credentials are made', () => hub.out().includes('MQTT'));
    await hub.end('SIGTERM');
    const breakFile = async (name: string, file: string, spoil: (path: string) => Promise<void>): Promise<Ended> => {
      await cp(credentialsOf(made, 'welding'), inFolder(name), { recursive: true });
      await spoil(join(inFolder(name), file));
      return run('node', FACTORY, '--node', 'welding', '--credentials', inFolder(name), '--data', inFolder('n'));
    };
    const [nonsense, foreign, empty, none] = await Promise.all([
      breakFile('nonsense', 'node.key', (path) => writeFile(path, '-----BEGIN PRIVATE KEY-----\nno\n')),
      breakFile('foreign', 'node.key', (path) => cp(join(credentialsOf(made, 'stamping'), 'node.key'), path)),
      breakFile('empty', 'ca.crt', (path) => writeFile(path, '')),
      run('node', FACTORY, '--node', 'welding', '--data', inFolder('n')),
    ]);
    expectProblem(nonsense, /node\.key/);
    expectProblem(foreign, /node\.(key|crt)/);
    expectProblem(empty, /ca\.crt/);
    expectProblem(none, /ca\.crt does not exist: copy this node's folder of credentials from the hub/);
    expect(existsSync(inFolder('n'))).toBe(false);
  });
});

test('HEADWATER_DEBUG=1 shows where an error was thrown', async () => {
  const debug = await launch(['query', 'SELECT 1', '--data', inFolder('empty')], { shell: 'export HEADWATER_DEBUG=1' })
    .ended;
  expect(debug.code).toBe(1);
  expect(debug.err).toMatch(/^headwater: Error: no hub was ever started on .*\n +at /);
});

describe('start --for', () => {
  test('for 5 s: one JSON document, balanced, with this machine as a device; a second start goes on', async () => {
    const data = inFolder('twice');
    const ended = await fiveSeconds.ended;
    expect(ended).toMatchObject({ code: 0, err: '' });
    const first = JSON.parse(ended.out) as Report;
    expect(first).toMatchObject({ balanced: true, differences: [], totals: { waiting: 0 } });
    expect(first.totals.collected).toBeGreaterThan(1_000);
    expect(first.totals.stored).toBe(first.totals.delivered);
    expect(first.nodes).toHaveLength(5);
    const utilities = first.nodes.find(({ node }) => node === 'utilities')!;
    expect(utilities.sources['this-machine']!.collected).toBeGreaterThan(10);
    const own = utilities.storedStreams.filter(({ stream }) =>
      ['memory-used', 'uptime', 'load-average'].includes(stream),
    );
    expect(own.map(({ rows }) => rows > 0)).toEqual([true, true, true]);

    const goesOn = begin(data);
    await eventually('more is stored', async () => ((await stored(data)) ?? 0) > first.totals.stored);
    const again = await goesOn.end('SIGTERM');
    expect({ code: again.code, err: again.err }).toEqual({ code: 0, err: '' });
    const second = JSON.parse(again.out) as Report;
    expect(second).toMatchObject({ balanced: true, differences: [] });
    expect(second.totals.collected).toBeGreaterThan(first.totals.collected);
    expect(second.totals.stored).toBeGreaterThan(first.totals.stored);
    expect(second.totals.stored).toBe(second.totals.kept);

    const hub = await openHubData(data);
    const [once] = await hub.sql(ONCE).finally(() => hub.close());
    expect(once).toEqual({ rows: second.totals.stored, ids: second.totals.stored });
  });
});
