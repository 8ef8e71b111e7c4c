import { mkdir } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import { type Ended, type Launched, launch } from '../../helpers/processes.ts';
import { ACCOUNT, REGION } from '../emulator/start.ts';

/** The `headwater` command line as somebody with credentials of the emulated account runs it. */
export interface Operator {
  launch(...args: string[]): Launched;
  /** A command that ends by itself. @throws with what it printed, if it fails */
  run(...args: string[]): Promise<Ended & { ms: number }>;
}

/**
 * Its environment is made from nothing: whatever credentials and profiles the user has, it cannot reach an account.
 *
 * @param home its home directory, where the CDK CLI keeps its caches
 */
export async function createOperator({ endpoint }: { endpoint: string }, home: string): Promise<Operator> {
  await mkdir(home, { recursive: true });
  const env = {
    PATH: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
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
    NO_COLOR: '1',
  };
  return {
    launch: (...args) => launch(args, { env }),
    run: async (...args) => {
      const started = performance.now();
      const ended = await launch(args, { env }).ended;
      if (ended.code !== 0) {
        throw new Error(`headwater ${args.join(' ')} ended with ${ended.code}:\n${ended.out}\n${ended.err}`);
      }
      return { ...ended, ms: performance.now() - started };
    },
  };
}
