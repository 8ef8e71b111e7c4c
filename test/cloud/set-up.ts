import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { loadFleet } from '../../adapters/fleet-file.ts';
import { CLOUD_FILE, type Cloud } from './cloud.ts';
import { mustRunCdk } from './emulator/cdk.ts';
import { refuseUnimplemented } from './emulator/log.ts';
import { findPython, pythonEnvironment } from './emulator/python.ts';
import { ACCOUNT, REGION, startEmulator } from './emulator/start.ts';
import { createClients } from './helpers/clients.ts';
import { shortenRetries } from './helpers/queues.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
const FLEET_FILE = resolve(import.meta.dirname, 'fleet.yaml');
/** Queues hand a failed batch out again after minutes, which no test can wait for. */
const RETRY_SECONDS = 3;

/** What tear-down.ts needs; both run in jest's own process. */
export interface Running {
  cloud: Cloud;
  stop(): Promise<void>;
}

/** Starts the emulator and deploys the test fleet to it with the real CDK command line. */
export async function setUp(): Promise<Running> {
  const found = await findPython();
  if (!found.ok) throw new Error(found.reason);
  const fleet = await loadFleet(FLEET_FILE);
  if (!fleet.ok) throw new Error(`${FLEET_FILE}: ${JSON.stringify(fleet.problems)}`);
  const python = await pythonEnvironment(found.command);

  const directory = await mkdtemp(join(tmpdir(), 'headwater-cloud-'));
  const { stop, ...emulator } = await startEmulator(python, directory);
  try {
    const outputsFile = join(directory, 'outputs.json');
    const home = join(directory, 'cdk');
    await mustRunCdk(emulator.endpoint, home, 'bootstrap', `aws://${ACCOUNT}/${REGION}`, ...NO_APP);
    await mustRunCdk(emulator.endpoint, home, ...deployArguments(directory, FLEET_FILE), '--outputs-file', outputsFile);
    await refuseUnimplemented(emulator.log);
    const outputs: Cloud['outputs'] = JSON.parse(await readFile(outputsFile, 'utf8'));
    const clients = createClients(emulator.endpoint);
    const queues = Object.values(outputs).flatMap((stack) =>
      Object.entries(stack).flatMap(([name, url]) => (/(Critical|Bulk|Landed)QueueUrl$/.test(name) ? [url] : [])),
    );
    for (const url of queues) await shortenRetries(clients, url, RETRY_SECONDS);
    const cloud = { ...emulator, directory, python, fleetFile: FLEET_FILE, fleet: fleet.fleet.name, outputs };
    const file = join(directory, 'cloud.json');
    await writeFile(file, JSON.stringify(cloud));
    process.env[CLOUD_FILE] = file;
    return { cloud, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `cdk bootstrap` would run the app of cdk.json, which it does not need. */
export const NO_APP = ['--app', '', '--build', ''];

/** `npm run test:cloud` has built the bundles: cdk.json's own build would change them under a running test. */
export const deployArguments = (directory: string, fleetFile: string, output = 'cdk.out'): string[] => [
  'deploy',
  '--all',
  ...['--build', '', '--context', `fleet=${relative(ROOT, fleetFile)}`],
  ...['--output', join(directory, output), '--require-approval', 'never', '--concurrency', '3', '--progress', 'events'],
];
