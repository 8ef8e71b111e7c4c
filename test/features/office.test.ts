import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { askLedger, openHubData } from '../helpers/hub-data.ts';
import { makeTemporaryDirectory } from '../helpers/hub-rig.ts';
import { eventually, killAll, launch, run, writeFleet } from '../helpers/processes.ts';
import { sharedData } from '../helpers/shared-data.ts';

/**
 * Real data from file to store: the recording of an office (UCI occupancy detection, 2,665 rows of 6 quantities)
 * through a 5 % change filter. What must be kept is computed here a second time, from the file and the definition.
 */

const OFFICE = sharedData('sensor/occupancy_datatest.csv');
const COLUMNS = { temperature: 1, humidity: 2, light: 3, co2: 4, 'humidity-ratio': 5, occupancy: 6 };
const HEADERS = ['date', 'Temperature', 'Humidity', 'Light', 'CO2', 'HumidityRatio', 'Occupancy'];
type Pair = [ts: number, value: number];

/** No quoted field of this file holds a comma; each row begins with a row number that the header does not name. */
function readOffice(file: string): { rows: number; readings: (column: number) => Pair[] } {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  if (header!.replaceAll('"', '').trim() !== HEADERS.join(',')) throw new Error(`another file: ${header}`);
  const rows = lines.map((line) => line.trim().replaceAll('"', '').split(',').slice(1));
  const timeOf = (row: string[]): number => Date.parse(`${row[0]!.replace(' ', 'T')}Z`);
  return { rows: rows.length, readings: (column) => rows.map((row) => [timeOf(row), Number(row[column])]) };
}

/** Kept are the first reading and each that lies more than 5 % of the last kept one away from it. */
function keptOf(readings: readonly Pair[]): Pair[] {
  const kept: Pair[] = [];
  let last = Number.NaN;
  for (const [ts, x] of readings) {
    if (kept.length > 0 && !(Math.abs(x - last) > 0.05 * Math.abs(last))) continue;
    kept.push([ts, x]);
    last = x;
  }
  return kept;
}

const describeOrSkip = OFFICE === undefined ? describe.skip : describe;

describeOrSkip('the office recording through file, filter, journal, hub', () => {
  const office = OFFICE === undefined ? { rows: 0, readings: () => [] } : readOffice(OFFICE);
  const expected = Object.entries(COLUMNS).map(([stream, column]) => ({
    stream,
    kept: keptOf(office.readings(column)),
  }));
  let folder: { path: string; remove: () => Promise<void> };
  let data: string;

  beforeAll(async () => {
    folder = await makeTemporaryDirectory();
    data = join(folder.path, 'data');
  });
  afterAll(async () => {
    await killAll();
    await folder.remove();
  });

  test('the filter has something to do in each column', () => {
    for (const { kept } of expected) {
      expect(kept.length).toBeGreaterThan(1);
      expect(kept.length).toBeLessThan(office.rows / 2);
    }
  });

  test('kept counts are those of the definition; what is stored is what was kept, value for value', async () => {
    const fleet = await writeFleet(folder.path, {
      name: 'office',
      streams: Object.fromEntries(
        Object.keys(COLUMNS).map((stream) => [stream, { filter: { type: 'change', percent: 5 }, sync: '100ms' }]),
      ),
      deviceGroups: {
        office: {
          streams: Object.keys(COLUMNS),
          source: {
            type: 'file',
            path: OFFICE,
            time: { column: 'date' },
            columns: Object.fromEntries(Object.entries(COLUMNS).map(([stream, at]) => [stream, HEADERS[at]])),
          },
        },
      },
      nodes: [{ name: 'gateway', site: 'here', deviceGroups: ['office'] }],
    });
    const started = launch(['start', fleet, '--json', '--port', '0', '--mqtt-port', '0', '--data', data]);
    const ledger = await eventually('the whole file was read and delivered', async () => {
      if (!started.isRunning()) throw new Error(started.err());
      const [node] = (await askLedger(data))?.nodes ?? [];
      const allRead = node?.side?.sources.office?.collected === office.rows * 6;
      return allRead && node.side!.lanes.every(({ waiting }) => waiting === 0) && node;
    });
    expect(ledger.side!.sources.office!.refused).toEqual({});
    expect(
      Object.fromEntries(ledger.side!.streams.map(({ stream, kept, filtered }) => [stream, [kept, filtered]])),
    ).toEqual(
      Object.fromEntries(expected.map(({ stream, kept }) => [stream, [kept.length, office.rows - kept.length]])),
    );

    const sql = 'SELECT stream, epoch_ms(ts) AS ts, value FROM records ORDER BY stream, position';
    const asked = await run('query', sql, '--json', '--data', data);
    expect(asked).toMatchObject({ code: 0, err: '' });
    const { rows } = JSON.parse(asked.out) as { rows: [string, ...Pair][] };
    expect(rows).toEqual(
      expected
        .toSorted((a, b) => (a.stream < b.stream ? -1 : 1))
        .flatMap(({ stream, kept }) => kept.map((pair) => [stream, ...pair])),
    );
    const { code, out } = await started.end('SIGTERM');
    expect({ code, report: JSON.parse(out) }).toMatchObject({ code: 0, report: { balanced: true, differences: [] } });
  }, 60_000);

  test('the same stands in the files of the stopped hub', async () => {
    const hub = await openHubData(data);
    try {
      for (const { stream, kept } of expected) {
        const rows = await hub.sql(`SELECT ts, value FROM records WHERE stream = '${stream}' ORDER BY position`);
        expect(rows.map(({ ts, value }) => [ts, value])).toEqual(kept);
      }
    } finally {
      hub.close();
    }
  });
});
