import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { createMemoryLogger } from '../../../adapters/memory/logger.ts';
import { createFileSource } from '../../../adapters/sources/file-source.ts';
import { sharedData } from '../../helpers/shared-data.ts';
import { type Collected, collect, createHastyClock, sourcePlan } from '../../helpers/source-rig.ts';

function replay(path: string, streams: Record<string, unknown>, source: object): Promise<Collected> {
  const ports = { clock: createHastyClock(), logger: createMemoryLogger() };
  return collect(createFileSource(sourcePlan('file', streams, { path, ...source }), ports, { directory: '/' }));
}

describe('recordings of real machines', () => {
  test('the office: each value of each row, as an independent reader sees it', async () => {
    const path = sharedData('sensor/occupancy_datatest.csv');
    if (!path) return;
    const names = ['Temperature', 'Humidity', 'Light', 'CO2', 'HumidityRatio', 'Occupancy'];
    const streams = Object.fromEntries(
      names.map((name) => [name.toLowerCase(), name === 'Occupancy' ? { kind: 'boolean' } : {}]),
    );
    const columns = Object.fromEntries(names.map((name) => [name.toLowerCase(), name]));
    const { readings, refused } = await replay(path, streams, { time: { column: 'date' }, columns });
    const expected = readFileSync(path, 'utf8')
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .flatMap((line) => {
        const [, date, ...cells] = line.replaceAll('"', '').split(',');
        const ts = Date.parse(`${date!.replace(' ', 'T')}Z`);
        return cells.map((cell, at) => [names[at]!.toLowerCase(), ts, at === 5 ? cell === '1' : Number(cell)]);
      });
    expect(refused).toEqual([]);
    expect(expected).toHaveLength(2_665 * 6);
    expect(readings.map(({ stream, ts, value }) => [stream, ts, value])).toEqual(expected);
  });

  test('the industrial machine: all rows', async () => {
    const path = sharedData('sensor/nab_machine_temperature.csv');
    if (!path) return;
    const source = { time: { column: 'timestamp' }, columns: { t: 'value' } };
    const { readings, refused } = await replay(path, { t: {} }, source);
    expect(refused).toEqual([]);
    expect(readings).toHaveLength(22_695);
    expect(readings[0]).toMatchObject({ ts: Date.UTC(2013, 11, 2, 21, 15), value: 73.96732207 });
  });
});
