import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';
import { type CdkOptions, cdkArguments } from './cdk-call.ts';
import { loadFleetOrReport } from './fleet-option.ts';

/** Options of `headwater deploy`. */
export type DeployOptions = CdkOptions;

/**
 * Checks the fleet file, then runs the CDK CLI that this release was tested with; the exit code is the CLI's.
 *
 * @param root the folder with cdk.json and node_modules; default: this package's
 * @throws Error where the CLI or the app is not there
 */
export async function runDeploy(
  file: string,
  more: readonly string[],
  options: DeployOptions,
  root: string = packageRoot(),
): Promise<void> {
  const fleet = await loadFleetOrReport(file);
  if (!fleet) return;
  if (!fleet.uplink.some(({ type }) => type === 'iot-core')) {
    process.stderr.write(
      `${file}: warning: no uplink is iot-core, so no node of this fleet will deliver to what is deployed; set "uplink: [{ type: iot-core }]"\n`,
    );
  }
  const args = cdkArguments({ name: fleet.name, file }, options, more);
  // The package's own CLI by its own path: another version in PATH may not read the app's output.
  const cli = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  for (const path of [cli, join(root, 'cdk.json')]) {
    if (existsSync(path)) continue;
    throw new Error(
      `${path} is missing: deploying needs a checkout of Headwater with its development dependencies; clone the repository and run "npm ci" there (without --omit=dev), then "node bin/headwater.js deploy ${file}"`,
    );
  }
  process.exitCode = await runCli(cli, args, root);
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves to the exit code; a CLI ended by a signal counts as shells count it. */
function runCli(cli: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, stdio: 'inherit' });
    // Without a listener this process would end at once and leave the CLI without a parent in the middle of a change.
    const listeners = SIGNALS.map((signal) => ({ signal, pass: () => void child.kill(signal) }));
    for (const { signal, pass } of listeners) process.on(signal, pass);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const { signal: name, pass } of listeners) process.off(name, pass);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
