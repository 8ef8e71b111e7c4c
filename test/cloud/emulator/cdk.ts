import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { ACCOUNT, REGION } from './start.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const CDK = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');

const pathOf = (...more: string[]): string => [dirname(process.execPath), ...more, '/usr/bin', '/bin'].join(delimiter);

/**
 * The environment of a command that works on the emulated account. It is made from nothing: whatever credentials and
 * profiles the user has, no account can be reached with it.
 *
 * @param home where the CDK CLI keeps its caches
 */
export const accountEnvironment = (endpoint: string, home: string) => ({
  PATH: pathOf(),
  HOME: home,
  TMPDIR: home,
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: REGION,
  AWS_ACCESS_KEY_ID: ACCOUNT,
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
  CDK_DEFAULT_ACCOUNT: ACCOUNT,
  CDK_DEFAULT_REGION: REGION,
  CDK_DISABLE_CLI_TELEMETRY: 'true',
  CI: 'true',
});

export interface CdkRun {
  code: number | null;
  /** What it printed, on both streams. */
  said: string;
}

/**
 * The pinned CDK command line, pointed at the emulator.
 *
 * @param home where it keeps its caches
 */
export async function runCdk(endpoint: string, home: string, ...args: string[]): Promise<CdkRun> {
  await mkdir(home, { recursive: true });
  const child = spawn(process.execPath, [CDK, '--no-color', '--no-notices', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...accountEnvironment(endpoint, home), PATH: pathOf(join(ROOT, 'node_modules', '.bin')) },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
  }
  return await new Promise((done, fail) => {
    child.once('error', fail).once('close', (code) => done({ code, said }));
  });
}

/** @throws with what it printed, if it fails */
export async function mustRunCdk(...args: Parameters<typeof runCdk>): Promise<string> {
  const { code, said } = await runCdk(...args);
  if (code !== 0) throw new Error(`cdk ${args.slice(2).join(' ')} ended with ${code}:\n${said}`);
  return said;
}
