import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeLedger } from '../../../core/ledger.ts';
import type { Priority } from '../../../core/priority.ts';
import { eventually, writeFleet } from '../../helpers/processes.ts';
import type { FleetCloud } from './fleet-cloud.ts';
import type { Operator } from './headwater.ts';
import { makeVibration, OFFICE_STREAMS, type RecordedReading, recordedOffice } from './recorded-office.ts';
import { readNodeIndex } from './stored-once.ts';
import { authority } from './thing.ts';

export const NODE = 'main-job';
/** The recordings last 44 h. The first process would take more than a minute, and is killed long before. */
const SPEEDS = { killed: '2000x', again: '100000x' };
const KILLED_AFTER_RECORDS = 500;
/** The machine has better to do than to be asked. */
const POLL_MS = 200;

export const PRIORITY_OF: Record<string, Priority> = {
  temperature: 'normal',
  humidity: 'low',
  light: 'high',
  co2: 'normal',
  'humidity-ratio': 'low',
  occupancy: 'critical',
  vibration: 'high',
};

export interface Replay {
  /** What is in the files, by device. */
  readings: (RecordedReading & { device: string })[];
  /** Records that were stored when the node was killed. */
  storedAtKill: number;
  code: number | null;
  report: { ledger: NodeLedger; differences: unknown[] };
}

/**
 * What an operator does with the command line: the node makes its key, is registered and replays its recordings to the
 * deployed fleet. In the middle of it the node is killed, and started again.
 */
export async function replayRecordings(fleet: FleetCloud, operator: Operator, folder: string): Promise<Replay> {
  const office = await recordedOffice(join(folder, 'office.csv'));
  const press = await makeVibration(join(folder, 'press.csv'));
  const readings = Object.entries({ office, press }).flatMap(([device, recorded]) =>
    recorded.readings.map((reading) => ({ device, ...reading })),
  );
  const source = { type: 'file', time: { column: 'date' }, pace: 'recorded' };
  const file = await writeFleet(folder, {
    name: fleet.cloud.fleet,
    streams: Object.fromEntries(
      Object.entries(PRIORITY_OF).map(([stream, priority]) => [stream, { priority, sync: '200ms' }]),
    ),
    deviceGroups: {
      office: { streams: OFFICE_STREAMS, source: { ...source, path: office.path, columns: office.columns } },
      press: { streams: ['vibration'], source: { ...source, path: press.path, columns: press.columns } },
    },
    nodes: [{ name: NODE, site: 'here', deviceGroups: ['office', 'press'] }],
    uplink: [{ type: 'iot-core' }],
  });

  const credentials = await provision(fleet, operator, folder, file);
  const launchNode = (speed: string) =>
    operator.launch(
      ...['node', file, '--node', NODE, '--data', join(folder, 'data'), '--credentials', credentials],
      ...['--speed', speed, '--for', '2m', '--json'],
    );
  const stored = async (): Promise<number> =>
    Object.values((await readNodeIndex(fleet, NODE))?.counts ?? {}).reduce((sum, count) => sum + count, 0);

  const killed = launchNode(SPEEDS.killed);
  const storedAtKill = await eventually(
    'a part is stored',
    async () => {
      if (!killed.isRunning()) throw new Error(killed.err());
      const count = await stored();
      return count >= KILLED_AFTER_RECORDS && count;
    },
    60_000,
    POLL_MS,
  );
  await killed.end('SIGKILL');

  const again = launchNode(SPEEDS.again);
  await eventually(
    () => `everything is stored; the node says ${again.err()}`,
    async () => {
      if (!again.isRunning()) throw new Error(again.err());
      return (await stored()) >= readings.length;
    },
    90_000,
    POLL_MS,
  );
  const { code, out, err } = await again.end('SIGTERM');
  if (out === '') throw new Error(`the node ended with ${code} and without a ledger: ${err}`);
  return { readings, storedAtKill, code, report: JSON.parse(out) };
}

/** On the node and beside the credentials; what is carried between the two is a request and a folder. */
async function provision(fleet: FleetCloud, operator: Operator, folder: string, file: string): Promise<string> {
  const onNode = join(folder, 'on-node');
  const carried = join(folder, 'carried');
  const roots = join(folder, 'roots.pem');
  await writeFile(roots, await authority(fleet.cloud.endpoint));
  await operator.run('provision', 'csr', NODE, '--fleet', file, '--out', onNode);
  await operator.run(
    ...['provision', 'device', NODE, '--fleet', file, '--csr', join(onNode, 'node.csr'), '--out', carried],
    ...['--endpoint-address', `127.0.0.1:${fleet.cloud.mqttPort}`, '--ca', roots, '--data', join(folder, 'operator')],
  );
  await cp(carried, onNode, { recursive: true });
  return onNode;
}
