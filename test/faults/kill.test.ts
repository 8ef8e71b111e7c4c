import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { loadFleet } from '../../adapters/fleet-file.ts';
import type { NodeLedger } from '../../core/ledger.ts';
import { laneOf } from '../../core/priority.ts';
import { createSeededRandom } from '../../core/seeded-random.ts';
import { createSeries } from '../../core/simulate/series.ts';
import type { HubLedger } from '../../hub/ledger.ts';
import { askNumber, type HubData, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { ageKeys, createKiller, type Victim, writtenSince } from '../helpers/kills.ts';
import { eventually, killAll, launch, run, steadyPort, writeFleet } from '../helpers/processes.ts';
import { makeRecording, recordingGroup } from '../helpers/recording.ts';

/**
 * A node and a hub, killed again and again without warning while they collect, commit, change keys, acknowledge and, with
 * little room and the hub away, evict: at moments drawn by a seed, from the first ms of a life on. Then three counts that
 * know nothing of each other must agree, and what is stored must be what the sources say, reading for reading.
 *
 * HEADWATER_SEED (hexadecimal, such as a commit's hash) draws other moments; HEADWATER_KILLS says how many.
 */

const SEED = BigInt(`0x${(process.env.HEADWATER_SEED ?? 'c0ffee').replace(/^0x/, '').slice(0, 16)}`);
const KILLS = Number(process.env.HEADWATER_KILLS ?? 50);
/** As often as this the hub stays away while the node is killed so many times: its quota fills. */
const AWAY_EVERY = 25;
const AWAY_KILLS = 6;
const ROWS = KILLS * 400;
const NODE = 'line-1';
const GAUGES = 10;
const WAVES = 300;
const MINUTE = 60_000;

const random = createSeededRandom(SEED);
const recording = makeRecording(ROWS, random);
let folder: { path: string; remove: () => Promise<void> };
let data: string;
let fleet: string;
let mqttPort: number;
const journal = (): string => join(data, 'nodes', NODE, 'journal');

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  data = join(folder.path, 'data');
  mqttPort = await steadyPort();
  await writeFile(join(folder.path, 'recording.csv'), recording.csv);
  const { streams, deviceGroup } = recordingGroup('recording.csv');
  fleet = await writeFleet(folder.path, {
    name: 'killed',
    streams: {
      // Critical never goes: the recording must arrive in full.
      counter: { ...streams.counter, priority: 'critical' },
      temperature: { ...streams.temperature, priority: 'critical' },
      level: { sync: '300ms', priority: 'high', simulate: { shape: 'analog', base: 5, noise: 1, faultEvery: '10s' } },
      gate: { kind: 'boolean', sync: 'real-time', priority: 'critical', simulate: { shape: 'switch', dwell: '1s' } },
      wave: { sync: '1s', priority: 'low', simulate: { shape: 'analog', base: 1, noise: 1 } },
      parked: { sync: 'on-demand', priority: 'low', simulate: { shape: 'analog', base: 1 } },
    },
    deviceGroups: {
      press: deviceGroup,
      gauge: { count: GAUGES, streams: ['level', 'gate', 'parked'], source: { type: 'simulate', every: '50ms' } },
      buoy: { count: WAVES, streams: ['wave'], source: { type: 'simulate', every: '50ms' } },
    },
    nodes: [
      {
        name: NODE,
        site: 'here',
        deviceGroups: ['press', 'gauge', 'buoy'],
        journal: { maxBytes: '1MiB', localBytes: '64KiB', rotateKeys: '1h' },
      },
    ],
    // As often as it may: kills fall into seals too.
    hub: { sealRows: 5_000, sealEvery: '1s' },
  });
});
afterEach(killAll);
/** HEADWATER_KEEP=1 leaves everything where it is, for whoever looks into a failure. */
afterAll(async () => {
  if (process.env.HEADWATER_KEEP === '1') console.info(folder.path);
  else await folder.remove();
});

const node: Victim = {
  name: 'node',
  launch: () => launch(['node', fleet, '--node', NODE, '--data', data, '--mqtt-port', String(mqttPort), '--json']),
  works: (life, startedMs) => life.err().includes('delivering to') && writtenSince(journal(), startedMs),
  between: () => {
    if (random.fraction() < 0.3) ageKeys(join(journal(), '..'));
  },
};
const hub: Victim = {
  name: 'hub',
  launch: () => launch(['hub', fleet, '--data', data, '--port', '0', '--mqtt-port', String(mqttPort)]),
  works: (life) => life.out().includes('MQTT'),
};

test(
  `killed ${KILLS} times, seed ${SEED.toString(16)}: nothing acknowledged is lost, nothing is there twice`,
  async () => {
    console.info(`HEADWATER_SEED=${SEED.toString(16)}`);
    const begun = performance.now();
    const killer = createKiller(random);
    await killer.start(hub);
    await eventually('the hub is ready', () => hub.works(killer.running(hub), 0), 60_000);
    await killer.start(node);
    for (let away = AWAY_EVERY / 2; killer.kills < KILLS; ) {
      if (killer.kills >= away) {
        away += AWAY_EVERY;
        await killer.takeAway(hub);
        for (let kill = 0; kill < AWAY_KILLS; kill++) await killer.kill([node], 2_500);
        await killer.start(hub);
      }
      const draw = random.fraction();
      await killer.kill(draw < 0.45 ? [node] : draw < 0.8 ? [hub] : draw < 0.9 ? [node, hub] : [hub, node]);
    }
    const killedMs = performance.now() - begun;

    let stored: number | undefined;
    await eventually(
      () =>
        `${recording.kept.length} records of the recording are stored; it is ${stored}: ${killer.running(node).err().slice(-2_000)}`,
      async () => {
        killer.expectAlive();
        stored = await askNumber(data, `SELECT count(*) FROM records WHERE device LIKE 'press-%'`);
        return stored !== undefined && stored >= recording.kept.length;
      },
      10 * MINUTE,
      200,
    );
    const { code, out, err } = await killer.running(node).end('SIGTERM');
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    const { ledger, differences } = JSON.parse(out) as { ledger: NodeLedger; differences: unknown[] };
    expect(differences).toEqual([]);
    const asked = await run('ledger', '--json', '--data', data);
    expect(asked.code).toBe(0);
    expect((JSON.parse(asked.out) as HubLedger).nodes[0]!.differences).toEqual([]);
    expect((await killer.running(hub).end('SIGTERM')).code).toBe(0);

    const content = await openHubData(data);
    try {
      await expectOneTruth(content, ledger);
      await expectWhatTheSourcesSaid(content, ledger);
      const [counts] = await content.sql('SELECT count(*) AS rows, count(DISTINCT epoch) AS epochs FROM records');
      const evicted = ledger.lanes.reduce((sum, lane) => sum + lane.evicted, 0);
      const { keys } = JSON.parse(await readFile(join(journal(), '..', 'keys.json'), 'utf8')) as {
        keys: { id: number }[];
      };
      console.info({
        ...counts,
        kills: killer.kills,
        killedWhileStarting: killer.early,
        secondsOfKilling: Math.round(killedMs / 1_000),
        recorded: recording.kept.length,
        evicted,
        keysInUse: keys.length,
        lost: 0,
        twice: 0,
      });
      expect(counts!.epochs).toBeGreaterThan(KILLS / 8);
      expect(evicted).toBeGreaterThan(0);
    } finally {
      content.close();
    }
  },
  KILLS * 6_000 + 10 * MINUTE,
);

async function expectOneTruth(content: HubData, ledger: NodeLedger): Promise<void> {
  // Three counts: SQL over files and staged rows, the index, the node's ledger.
  const byLane = await content.sql('SELECT lane, count(*) AS rows FROM records GROUP BY lane');
  const rows = Object.fromEntries(byLane.map(({ lane, rows: count }) => [`${NODE}/${lane}`, count]));
  expect(await content.indexed()).toEqual(rows);
  for (const { priority, enqueued, delivered, evicted, expired, damaged, waiting, inDoubt } of ledger.lanes) {
    const found = Number(rows[`${NODE}/${laneOf(priority)}`] ?? 0);
    // What was evicted while it was on its way may have arrived all the same.
    expect(found).toBeGreaterThanOrEqual(delivered);
    expect(found).toBeLessThanOrEqual(delivered + inDoubt);
    expect({ priority, enqueued, expired, damaged }).toEqual({
      priority,
      enqueued: delivered + evicted + waiting,
      expired: 0,
      damaged: 0,
    });
    // What matters less may have had to go; what matters most never.
    if (priority === 'critical') expect({ evicted, waiting }).toEqual({ evicted: 0, waiting: 0 });
  }

  // Nothing is there twice: by identity, and by what was measured.
  const [once] =
    await content.sql(`SELECT count(*) AS rows, count(DISTINCT (node, producer, epoch, lane, position)) AS ids,
    count(DISTINCT (device, stream, ts)) AS readings FROM records`);
  expect(once!.ids).toBe(once!.rows);
  expect(once!.readings).toBe(once!.rows);

  // No rest of a seal that was cut off is left over.
  const named = await content.sql('SELECT name FROM hub.files ORDER BY name');
  const cold = readdirSync(join(data, 'hub', 'store', 'cold'), { recursive: true }) as string[];
  expect(cold.filter((name) => /\.(parquet|tmp)$/.test(name)).sort()).toEqual(named.map(({ name }) => name));
}

async function expectWhatTheSourcesSaid(content: HubData, ledger: NodeLedger): Promise<void> {
  // What is stored of the recording is what it says, and what is missing was refused for the reason it says.
  const found = await content.sql(
    `SELECT device, stream, ts, value FROM records WHERE device LIKE 'press-%' ORDER BY device, stream, ts`,
  );
  expect(found.length).toBe(recording.kept.length);
  const wrong = found.findIndex((row, at) => recording.kept[at]!.join() !== Object.values(row).join());
  expect(wrong === -1 ? [] : [wrong, found[wrong], recording.kept[wrong]]).toEqual([]);
  expect(ledger.sources.press).toMatchObject({ collected: 2 * ROWS, refused: { 'not-finite': recording.broken } });

  // A tick of the simulated devices is one commit, and critical ones of it never go: whole or not at all.
  const [torn] = await content.sql(`SELECT count(*) AS ticks FROM (SELECT ts FROM records WHERE stream = 'gate'
    GROUP BY ts HAVING count(DISTINCT device) <> ${GAUGES})`);
  expect(torn!.ticks).toBe(0);
  // Stream by stream: what was kept is stored, or was evicted.
  const stored = await content.sql('SELECT stream, count(*) AS rows FROM records GROUP BY stream');
  for (const { stream, priority, kept } of ledger.streams) {
    const rows = Number(stored.find((row) => row.stream === stream)?.rows ?? 0);
    const lane = ledger.lanes.find((one) => one.priority === priority)!;
    expect(rows).toBeLessThanOrEqual(kept);
    expect(kept - rows).toBeLessThanOrEqual(lane.evicted + lane.waiting);
  }
  expect(ledger.streams.find(({ stream }) => stream === 'parked')!.local).toBeGreaterThan(0);

  // Every simulated value is a function of its series and its time.
  const loaded = await loadFleet(fleet);
  if (!loaded.ok) throw new Error(loaded.problems[0]!.message);
  for (const [stream, everyMs] of [
    ['level', 50],
    ['wave', 50],
  ] as const) {
    const series = new Map<string, ReturnType<typeof createSeries>>();
    const rows = await content.sql(
      `SELECT device, ts, value FROM records WHERE stream = '${stream}' AND position % 7 = 0`,
    );
    const other = rows.find(({ device, ts, value }) => {
      const identity = { seed: loaded.fleet.seed, node: NODE, device: String(device), stream };
      const valueAt =
        series.get(identity.device) ?? createSeries(loaded.fleet.streams[stream]!.simulate!, identity, everyMs);
      series.set(identity.device, valueAt);
      return valueAt(Number(ts)) !== value;
    });
    expect({ stream, rows: rows.length > 0, other }).toEqual({ stream, rows: true, other: undefined });
  }
}
