import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { NodeLedger } from '../../../core/ledger.ts';
import type { HubLedger } from '../../../hub/ledger.ts';
import { askNumber, openHubData } from '../../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../../helpers/hub-rig.ts';
import { eventually, killAll, type Launched, launch, run, steadyPort, writeFleet } from '../../helpers/processes.ts';

/**
 * A node and two hubs, which know nothing of each other: the first is killed while records flow, and comes back. Each
 * record is in one of the two stores at least, under one identity, and neither hub's ledger is broken by the other.
 */

const ROWS = 12_000;
const STEP_MS = 3;
const START_MS = Date.UTC(2025, 5, 1);
const NODE = 'line-1';
const HUBS = ['main', 'spare'] as const;
type Name = (typeof HUBS)[number];

let folder: { path: string; remove: () => Promise<void> };
const at = (...names: string[]): string => join(folder.path, ...names);
beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  const rows = Array.from({ length: ROWS }, (_, row) => `${START_MS + row * STEP_MS},${row}`);
  await writeFile(at('rows.csv'), `time,counter\n${rows.join('\n')}\n`);
});
afterEach(killAll);
afterAll(() => folder.remove());

test('the first hub is killed and comes back: on to the second, and back; nothing is lost or doubled', async () => {
  const main = await steadyPort();
  const ports: Record<Name, number> = { main, spare: await steadyPort() };
  const fleet = await writeFleet(folder.path, {
    name: 'failover',
    streams: { counter: { sync: '200ms' } },
    deviceGroups: {
      press: {
        streams: ['counter'],
        source: {
          type: 'file',
          path: 'rows.csv',
          pace: 'recorded',
          time: { column: 'time', format: 'epoch-ms' },
          columns: { counter: 'counter' },
        },
      },
    },
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['press'] }],
    uplink: HUBS.map((name) => ({ type: 'hub', name, port: ports[name] })),
    failover: { unreachableFor: '5s', probeEvery: '5s', steadyFor: '1s' },
  });
  const hubs = {} as Record<Name, Launched>;
  const startHub = async (name: Name): Promise<void> => {
    const hub = launch(['hub', fleet, '--data', at(name), '--port', '0', '--mqtt-port', String(ports[name])]);
    hubs[name] = hub;
    await eventually(
      () => `hub ${name} is ready: ${hub.err()}`,
      () => hub.out().includes('MQTT'),
    );
  };
  const stored = (name: Name) => askNumber(at(name), 'SELECT count(*) FROM records');
  await Promise.all(HUBS.map(startHub));
  await mkdir(at('credentials'));
  for (const name of HUBS) {
    await cp(at(name, 'hub', 'pki', 'credentials', NODE), at('credentials', name), { recursive: true });
  }
  const node = launch([
    'node',
    fleet,
    '--node',
    NODE,
    '--data',
    at('node'),
    '--credentials',
    at('credentials'),
    '--json',
  ]);
  const reaches = (name: Name, rows: number): Promise<boolean> =>
    eventually(
      () => `hub ${name} stores more than ${rows} rows: ${node.err().slice(-2_000)}`,
      async () => ((await stored(name)) ?? 0) > rows || undefined,
      60_000,
      100,
    );
  await reaches('main', 500);
  expect(await stored('spare')).toBe(0);
  await hubs.main.end('SIGKILL');
  await reaches('spare', 500);
  await startHub('main');
  const before = (await stored('main')) ?? 0;
  await reaches('main', before);

  let both: (number | undefined)[] = [];
  await eventually(
    () => `all is stored: ${both}`,
    async () => {
      both = await Promise.all(HUBS.map(stored));
      return both.reduce<number>((sum, one) => sum + (one ?? 0), 0) >= ROWS;
    },
    60_000,
    250,
  );
  const ended = await node.end('SIGTERM');
  expect({ code: ended.code, err: ended.code === 0 ? '' : ended.err }).toEqual({ code: 0, err: '' });
  const { uplink, ledger, differences } = JSON.parse(ended.out) as {
    uplink: string;
    ledger: NodeLedger;
    differences: unknown[];
  };
  expect([uplink, differences]).toEqual(['main', []]);
  const lane = ledger.lanes[2]!;
  expect(lane).toMatchObject({ enqueued: ROWS, delivered: ROWS, waiting: 0 });
  expect(lane.elsewhere).toBeGreaterThan(500);

  const rows = new Map<string, number>();
  for (const name of HUBS) {
    // What the node told this hub is true of this hub, though the other has the rest.
    const asked = await run('ledger', '--json', '--data', at(name));
    const [compared] = (JSON.parse(asked.out) as HubLedger).nodes;
    expect({ name, code: asked.code, differences: compared!.differences }).toEqual({ name, code: 0, differences: [] });
    expect((await hubs[name].end('SIGTERM')).code).toBe(0);
    const content = await openHubData(at(name));
    try {
      const own = await content.sql('SELECT epoch, lane, position, value FROM records');
      const ids = new Set(own.map(({ epoch, lane: of, position }) => `${epoch}/${of}/${position}`));
      expect(ids.size).toBe(own.length);
      for (const { epoch, lane: of, position, value } of own) rows.set(`${epoch}/${of}/${position}`, Number(value));
    } finally {
      content.close();
    }
  }
  expect([rows.size, new Set(rows.values()).size]).toEqual([ROWS, ROWS]);
});
