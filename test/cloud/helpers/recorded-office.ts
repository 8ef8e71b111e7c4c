import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createSeededRandom } from '../../../core/seeded-random.ts';
import { sharedData } from '../../helpers/shared-data.ts';

/** A CSV file, and each reading in it as this file reads it, apart from the code under test. */
export interface Recorded {
  path: string;
  columns: Record<string, string>;
  readings: RecordedReading[];
}
export interface RecordedReading {
  stream: string;
  ts: number;
  value: number;
}

/** Streams by their column. */
const OFFICE = {
  temperature: 'Temperature',
  humidity: 'Humidity',
  light: 'Light',
  co2: 'CO2',
  'humidity-ratio': 'HumidityRatio',
  occupancy: 'Occupancy',
};
export const OFFICE_STREAMS = Object.keys(OFFICE);
const MINUTES = 2_665;

/** The recording of an office (UCI occupancy detection), a row a minute; where it is absent, one made up in its form. */
export async function recordedOffice(otherwise: string): Promise<Recorded> {
  const path = sharedData('sensor/occupancy_datatest.csv') ?? (await makeUp(otherwise));
  return { path, columns: OFFICE, readings: readCsv(path, OFFICE) };
}

async function makeUp(path: string): Promise<string> {
  const random = createSeededRandom(1n);
  const rows = Array.from({ length: MINUTES }, (_, row) => {
    const cells = OFFICE_STREAMS.map((stream) => (stream === 'occupancy' ? row % 2 : random.fraction() * 1_000));
    return `"${row + 1}","${timeText(FIRST_MS + row * 60_000)}",${cells.join()}`;
  });
  await writeFile(path, [`"date",${Object.values(OFFICE).map(quoted).join()}`, ...rows, ''].join('\n'));
  return path;
}

const FIRST_MS = Date.UTC(2015, 1, 2, 14, 19);
const quoted = (text: string): string => `"${text}"`;
const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** One stream over the same days, four readings a minute. */
export async function makeVibration(path: string): Promise<Recorded> {
  const random = createSeededRandom(2n);
  const rows = Array.from(
    { length: 4 * MINUTES },
    (_, row) => `${timeText(FIRST_MS + row * 15_000)},${(random.fraction() * 12).toFixed(4)}`,
  );
  await writeFile(path, `date,Vibration\n${rows.join('\n')}\n`);
  const columns = { vibration: 'Vibration' };
  return { path, columns, readings: readCsv(path, columns) };
}

/** No quoted field of these files holds a comma; a row of the office begins with a number that the header lacks. */
function readCsv(path: string, columns: Record<string, string>): RecordedReading[] {
  const [header, ...lines] = readFileSync(path, 'utf8').replaceAll('"', '').trim().split(/\r?\n/);
  const names = header!.trim().split(',');
  return lines.flatMap((line) => {
    const cells = line.split(',').slice(-names.length);
    const cell = (name: string): string => cells[names.indexOf(name)]!;
    const ts = Date.parse(`${cell('date').replace(' ', 'T')}Z`);
    return Object.entries(columns).map(([stream, column]) => ({ stream, ts, value: Number(cell(column)) }));
  });
}
