import type { Random } from '../../core/ports.ts';

/** A made-up recording as a CSV file, and what a node must keep of it: computed here, apart from the code under test. */
export interface Recording {
  csv: string;
  rows: number;
  /** Rows whose temperature is no number; each is one refused reading. */
  broken: number;
  /** What must be stored: device, stream, time, value, in this order. */
  kept: [device: string, stream: string, ts: number, value: number][];
}

const START_MS = Date.UTC(2025, 5, 1);
const DEVICES = 8;

/** Rows one ms apart: `counter` (every value travels) and `temperature` (5 % change filter). */
export function makeRecording(rows: number, random: Random): Recording {
  const temperatures = Array.from({ length: DEVICES }, () => 80);
  const lastKept: (number | undefined)[] = Array.from({ length: DEVICES });
  const recording: Recording = { csv: '', rows, broken: 0, kept: [] };
  const lines = ['time,device,counter,temperature'];
  for (let row = 0; row < rows; row++) {
    const at = Math.floor(random.fraction() * DEVICES);
    const device = `press-00${at + 1}`;
    const ts = START_MS + row;
    const temperature = Number((temperatures[at]! * (0.97 + 0.06 * random.fraction())).toFixed(3));
    temperatures[at] = Math.min(200, Math.max(20, temperature));
    recording.kept.push([device, 'counter', ts, row]);
    if (random.fraction() < 0.002) {
      recording.broken++;
      lines.push(`${ts},${device},${row},NaN`);
      continue;
    }
    lines.push(`${ts},${device},${row},${temperature}`);
    const last = lastKept[at];
    if (last !== undefined && !(Math.abs(temperature - last) > 0.05 * Math.abs(last))) continue;
    lastKept[at] = temperature;
    recording.kept.push([device, 'temperature', ts, temperature]);
  }
  recording.csv = `${lines.join('\n')}\n`;
  recording.kept.sort(([a, b, c], [d, e, f]) => (a < d ? -1 : a > d ? 1 : b < e ? -1 : b > e ? 1 : c - f));
  return recording;
}

/** The parts of a fleet file that replay it from `path`, at its own pace. */
export const recordingGroup = (path: string) => ({
  streams: {
    counter: { sync: '200ms', priority: 'high' },
    temperature: { sync: '500ms', filter: { type: 'change', percent: 5 } },
  },
  deviceGroup: {
    count: DEVICES,
    streams: ['counter', 'temperature'],
    source: {
      type: 'file',
      path,
      time: { column: 'time', format: 'epoch-ms' },
      device: 'device',
      columns: { counter: 'counter', temperature: 'temperature' },
      pace: 'recorded',
    },
  },
});
