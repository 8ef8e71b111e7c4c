import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../bin/package-root.ts';
import { mustRunCdk } from '../../test/cloud/emulator/cdk.ts';
import { findPython, pythonEnvironment } from '../../test/cloud/emulator/python.ts';
import { ACCOUNT, REGION, startEmulator } from '../../test/cloud/emulator/start.ts';
import { createOperator } from '../../test/cloud/helpers/headwater.ts';
import { NO_APP } from '../../test/cloud/set-up.ts';

/** What one round took, ms. */
export interface DeployTimes {
  first: number;
  second: number;
}

/** A process of its own, run as it is: the emulator's files are looked for beside its source. Prints DeployTimes as JSON. */
const fleet = process.argv[2];
if (fleet === undefined) throw new Error('no fleet file given');
const found = await findPython();
if (!found.ok) throw new Error(found.reason);
const python = await pythonEnvironment(found.command);
const directory = await mkdtemp(join(tmpdir(), 'headwater-deploy-'));
const { stop, ...emulator } = await startEmulator(python, directory);
try {
  const home = join(directory, 'home');
  await mustRunCdk(emulator.endpoint, home, 'bootstrap', `aws://${ACCOUNT}/${REGION}`, ...NO_APP);
  const operator = await createOperator(emulator, home);
  const deploy = async (): Promise<number> => {
    const options = ['--require-approval', 'never', '--', '--build', '', '--output', join(directory, 'cdk.out')];
    return (await operator.run('deploy', join(packageRoot(), fleet), ...options)).ms;
  };
  const times: DeployTimes = { first: await deploy(), second: await deploy() };
  process.stdout.write(`${JSON.stringify(times)}\n`);
} finally {
  await stop();
  await rm(directory, { recursive: true, force: true });
}
