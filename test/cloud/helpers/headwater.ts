import { mkdir } from 'node:fs/promises';
import { type Ended, type Launched, launch } from '../../helpers/processes.ts';
import { accountEnvironment } from '../emulator/cdk.ts';

/** The `headwater` command line as somebody with credentials of the emulated account runs it. */
export interface Operator {
  launch(...args: string[]): Launched;
  /** A command that ends by itself. @throws with what it printed, if it fails */
  run(...args: string[]): Promise<Ended & { ms: number }>;
}

/** @param home its home directory, where the CDK CLI keeps its caches */
export async function createOperator({ endpoint }: { endpoint: string }, home: string): Promise<Operator> {
  await mkdir(home, { recursive: true });
  const env = { ...accountEnvironment(endpoint, home), NO_COLOR: '1' };
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
