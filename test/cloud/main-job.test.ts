import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { COLD_PREFIXES, dayOf, partialKeyOf } from '../../core/cold-layout.ts';
import { readProjection } from '../../core/partition-projection.ts';
import { type Lane, PRIORITIES, priorityOf } from '../../core/priority.ts';
import { countOf } from '../../core/ranges.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll } from '../helpers/processes.ts';
import { runQuery } from './helpers/athena.ts';
import { openFleetCloud } from './helpers/fleet-cloud.ts';
import { invokeFunction } from './helpers/functions.ts';
import { createOperator } from './helpers/headwater.ts';
import { type Subscriber, subscribeCritical } from './helpers/notices.ts';
import { listKeys } from './helpers/objects.ts';
import { askJson } from './helpers/raw-api.ts';
import { NODE, PRIORITY_OF, type Replay, replayRecordings } from './helpers/replay.ts';
import { readNodeIndex } from './helpers/stored-once.ts';

/**
 * The main job with the command line as it is installed: recordings → node process → IoT Core → deployed stacks → SQL.
 * What must be found is computed here from the files.
 */
const fleet = openFleetCloud();
const { cloud, clients, athena, bucket } = fleet;
let folder: { path: string; remove(): Promise<void> };
let subscriber: Subscriber;
let replay: Replay;
let days: string[];

beforeAll(async () => {
  folder = await makeTemporaryDirectory();
  const operator = await createOperator(cloud, join(folder.path, 'home'));
  subscriber = await subscribeCritical(fleet);
  replay = await replayRecordings(fleet, operator, folder.path);
  days = [...new Set(replay.readings.map(({ ts }) => dayOf(ts)))].sort();
}, 180_000);
afterAll(async () => {
  await killAll();
  await subscriber.close();
  await folder.remove();
});

const shipped = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, `../../lib/queries/${name}.sql`), 'utf8');
const literal = (text: string): string => `'${text}'`;
const firstAndLast = (): string[] => [days[0]!, days.at(-1)!].map(literal);
/** The node's rows in the partitions of the recordings. */
const ownRows = (): string => `landing WHERE dt IN (${days.map(literal)}) AND node = '${NODE}'`;
/** Records of each priority, from the files. */
const expectedCounts = () =>
  Object.fromEntries(
    PRIORITIES.map((priority) => [
      priority,
      replay.readings.filter(({ stream }) => PRIORITY_OF[stream] === priority).length,
    ]),
  );

test('a node that was killed in the middle ends balanced, and everything it read was acknowledged', () => {
  const { readings, storedAtKill, code, report } = replay;
  expect(readings.length).toBeGreaterThanOrEqual(10_000);
  expect(storedAtKill).toBeLessThan(readings.length);
  expect({ code, differences: report.differences }).toEqual({ code: 0, differences: [] });
  const { sources, lanes } = report.ledger;
  expect(sources).toEqual(
    Object.fromEntries(
      ['office', 'press'].map((group) => [
        group,
        { collected: readings.filter(({ device }) => device === group).length, refused: {} },
      ]),
    ),
  );
  const expected = expectedCounts();
  expect(
    lanes.map(({ priority, enqueued, delivered, waiting }) => ({ priority, enqueued, delivered, waiting })),
  ).toEqual(
    PRIORITIES.map((priority) => ({
      priority,
      enqueued: expected[priority],
      delivered: expected[priority],
      waiting: 0,
    })),
  );
});

test('each reading of the files is stored once, in the partition of its day, with its value', async () => {
  const counted = await runQuery(
    clients,
    athena,
    `SELECT sum(rows) AS rows, count(*) AS identities, count(DISTINCT epoch) AS epochs FROM
     (SELECT producer, epoch, lane, position, count(*) AS rows FROM ${ownRows()} GROUP BY producer, epoch, lane, position)`,
  );
  const all = String(replay.readings.length);
  // Two processes opened the journal: there were rows of both.
  expect(counted).toEqual([{ rows: all, identities: all, epochs: '2' }]);
  expect(await runQuery(clients, athena, `SELECT count(*) AS rows FROM landing WHERE node = '${NODE}'`)).toEqual([
    { rows: all },
  ]);

  const rows = await runQuery(
    clients,
    athena,
    `SELECT dt, device, stream, to_unixtime(ts) AS ts, value FROM ${ownRows()}`,
  );
  const line = (dt: string, device: string, stream: string, ts: number, value: number): string =>
    [dt, device, stream, ts, value].join();
  expect(
    rows
      .map(({ dt, device, stream, ts, value }) => line(dt!, device!, stream!, Number(ts) * 1_000, Number(value)))
      .sort(),
  ).toEqual(replay.readings.map(({ device, stream, ts, value }) => line(dayOf(ts), device, stream, ts, value)).sort());
}, 60_000);

test('SQL over the files, positions in the index, counters and the node agree', async () => {
  const expected = expectedCounts();
  const counted = (await runQuery(clients, athena, shipped('ledger-count'), firstAndLast())).filter(
    ({ node }) => node === NODE,
  );
  const index = await readNodeIndex(fleet, NODE);
  const byPriority = (of: (priority: string) => number): Record<string, number> =>
    Object.fromEntries(PRIORITIES.map((priority) => [priority, of(priority)]));
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  expect(counted.map(({ twice }) => twice)).toEqual(counted.map(() => '0'));
  expect({
    rows: byPriority((priority) =>
      sum(
        counted
          .filter(({ lane }) => priorityOf(Number(lane) as Lane) === priority)
          .map(({ records }) => Number(records)),
      ),
    ),
    positions: byPriority((priority) =>
      sum(index!.lanes.filter(({ key }) => priorityOf(key.lane) === priority).map(({ stored }) => countOf(stored))),
    ),
    counters: index?.counts,
    delivered: byPriority(
      (priority) => replay.report.ledger.lanes.find((lane) => lane.priority === priority)!.delivered,
    ),
  }).toEqual({ rows: expected, positions: expected, counters: expected, delivered: expected });
  expect(await invokeFunction(cloud, fleet.output('Ingest', 'CompareFunctionName'))).toMatchObject({
    failed: false,
    result: { difference: 0 },
  });
});

test('the projection of the deployed tables finds every object that was written', async () => {
  for (const name of ['landing', 'partials'] as const) {
    const { Table } = await askJson<{ Table: { Parameters: Record<string, string> } }>(
      cloud.endpoint,
      'AWSGlue.GetTable',
      {
        DatabaseName: athena.database,
        Name: name,
      },
    );
    const projection = readProjection(Table.Parameters, Date.now());
    const projected = new Set(projection.prefixes());
    const keys = await listKeys(clients, bucket, COLD_PREFIXES[name]);
    const uris = keys.map((key) => `s3://${bucket}/${key}`);
    const written = new Set(uris.map((uri) => uri.slice(0, uri.lastIndexOf('/') + 1)));
    expect([...written].filter((prefix) => !projected.has(prefix))).toEqual([]);
    expect(uris.filter((uri) => !projection.finds(uri))).toEqual([]);
    const narrower = readProjection({ ...Table.Parameters, 'projection.dt.range': `${days[1]},NOW` }, Date.now());
    expect(uris.some((uri) => !narrower.finds(uri))).toBe(true);
    // And what the recordings wrote is what the projection makes of their days.
    expect([...written]).toEqual(expect.arrayContaining(days.map(projection.prefixOf)));
  }
});

test('summaries are those that SQL makes of the rows, for each stream and minute', async () => {
  const landed = (
    await Promise.all(days.map((day) => listKeys(clients, bucket, `${COLD_PREFIXES.landing}dt=${day}/`)))
  ).flat();
  await eventually('a summary of each landed object', async () => {
    const partials = new Set(await listKeys(clients, bucket, COLD_PREFIXES.partials));
    return landed.every((key) => partials.has(partialKeyOf(key)!));
  });
  const bySql = await runQuery(
    clients,
    athena,
    `SELECT device, stream, date_trunc('minute', ts) AS minute, count(*) AS records, min(value) AS minimum,
       max(value) AS maximum, avg(value) AS mean
     FROM ${ownRows()} GROUP BY device, stream, date_trunc('minute', ts)`,
  );
  const merged = (
    await Promise.all(days.map((day) => runQuery(clients, athena, shipped('minute-summary'), [literal(day)])))
  )
    .flat()
    .filter(({ node }) => node === NODE);
  type Row = Record<string, string | undefined>;
  const exact = (rows: readonly Row[]): string[] =>
    rows
      .map((row) => ['device', 'stream', 'minute', 'records', 'minimum', 'maximum'].map((name) => row[name]).join())
      .sort();
  expect(exact(merged)).toEqual(exact(bySql));
  const place = ({ device, stream, minute }: Row): string => `${device},${stream},${minute}`;
  const means = new Map(bySql.map((row) => [place(row), Number(row.mean)]));
  const wrong = merged.filter((row) => {
    const mean = means.get(place(row))!;
    return !(Math.abs(Number(row.mean) - mean) <= 1e-12 * Math.abs(mean));
  });
  expect(wrong).toEqual([]);
}, 60_000);

test('each critical record was told', async () => {
  const rows = await runQuery(clients, athena, `SELECT producer, epoch, lane, position FROM ${ownRows()} AND lane = 0`);
  const stored = rows.map(({ producer, epoch, lane, position }) => `${NODE}/${producer}/${epoch}/${lane}/${position}`);
  expect(stored).toHaveLength(expectedCounts().critical!);
  const told = async (): Promise<Set<string>> => new Set(await subscriber.toldOf(NODE));
  await eventually(`all ${stored.length} critical records are told`, async () => {
    const ids = await told();
    return stored.every((id) => ids.has(id));
  });
  expect([...(await told())].sort()).toEqual(stored.sort());
});
