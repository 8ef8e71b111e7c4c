import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageRoot } from '../../bin/package-root.ts';
import type { Reading } from '../../core/reading.ts';
import { factoryReadings } from './small-factory.ts';

/** Readings in the order in which they would have come in. */
export interface Recording {
  name: string;
  readings: readonly Reading[];
}

const ROOT = process.env.HEADWATER_SHARED_DATA ?? resolve(packageRoot(), '../shared/data');
const SIMULATED_READINGS = 40_000;

/** The real recordings that are there, and a simulated one. */
export async function recordings(): Promise<{ present: Recording[]; absent: string[] }> {
  const real = [
    { name: 'office, 5 streams', file: 'sensor/occupancy_datatest.csv', read: readOffice },
    { name: 'machine temperature (NAB)', file: 'sensor/nab_machine_temperature.csv', read: readMachine },
    { name: 'chemical plant (TEP), 52 variables', file: 'sensor/tep_d00_te.dat', read: readPlant },
  ];
  const there = real.filter(({ file }) => existsSync(join(ROOT, file)));
  return {
    present: [
      ...there.map(({ name, file, read }) => ({ name, readings: read(readFileSync(join(ROOT, file), 'utf8')) })),
      { name: 'small-factory, simulated', readings: await factoryReadings('machining', SIMULATED_READINGS) },
    ],
    absent: real.filter((one) => !there.includes(one)).map(({ name }) => name),
  };
}

const reading = (device: string, stream: string, ts: number, value: number): Reading => ({
  device,
  stream,
  ts,
  value,
  quality: 'good',
  clock: 'synced',
});

const utc = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`);
const linesOf = (text: string): string[] => text.trim().split(/\r?\n/);

/** A row has one field more than the header: its number comes first. The last column is a label, not a measurement. */
function readOffice(text: string): Reading[] {
  const streams = ['temperature', 'humidity', 'light', 'co2', 'humidity-ratio'];
  return linesOf(text)
    .slice(1)
    .flatMap((line) => {
      const [, date, ...cells] = line.replaceAll('"', '').split(',');
      return streams.map((stream, at) => reading('office', stream, utc(date!), Number(cells[at])));
    });
}

function readMachine(text: string): Reading[] {
  return linesOf(text)
    .slice(1)
    .map((line) => {
      const [time, value] = line.split(',');
      return reading('machine', 'temperature', utc(time!), Number(value));
    });
}

/** A row each 3 minutes, without times. */
function readPlant(text: string): Reading[] {
  const start = Date.UTC(2026, 0, 5);
  return linesOf(text).flatMap((line, row) =>
    line
      .trim()
      .split(/\s+/)
      .map((cell, at) => {
        const stream = at < 41 ? `xmeas-${at + 1}` : `xmv-${at - 40}`;
        return reading('reactor', stream, start + row * 180_000, Number(cell));
      }),
  );
}
