import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Cloud } from '../../cloud.ts';
import { mustRunCdk } from '../cdk.ts';

const FOLDER = relative(resolve(import.meta.dirname, '../../../..'), import.meta.dirname);

/** What app.ts gives back. */
export type SmokeOutputs = Record<
  'Bucket' | 'Table' | 'QueueUrl' | 'DeadLettersUrl' | 'HeardUrl' | 'Function' | 'Rule' | 'Policy' | 'Alarm' | 'Query',
  string
>;

/** Bundles the function as ours are, and deploys the smoke stack beside the fleet's. */
export async function deploySmoke(
  { endpoint, directory }: Cloud,
  context: readonly string[] = [],
): Promise<SmokeOutputs> {
  const home = join(directory, 'smoke');
  const bundle = join(home, 'bundle');
  await build({
    entryPoints: [join(FOLDER, 'function.mjs')],
    outfile: join(bundle, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  const outputs = join(home, 'outputs.json');
  const app = ['--app', `node --import tsx ${join(FOLDER, 'app.ts')}`, '--build', '', '--context', `bundle=${bundle}`];
  const where = ['--output', join(home, 'cdk.out'), '--outputs-file', outputs, '--require-approval', 'never'];
  await mustRunCdk(
    endpoint,
    home,
    'deploy',
    '--all',
    ...app,
    ...where,
    ...context.flatMap((pair) => ['--context', pair]),
  );
  return JSON.parse(await readFile(outputs, 'utf8')).Smoke;
}
