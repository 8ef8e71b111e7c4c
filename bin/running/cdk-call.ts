import { resolve } from 'node:path';
import { stackNameOf } from '../../core/cloud-names.ts';
import { nearNames } from '../near-names.ts';

/** In the order in which they are made. */
const STACKS = ['Foundation', 'Storage', 'Ingest'] as const;

/** What of `headwater deploy` goes to the CDK CLI. */
export interface CdkOptions {
  profile?: string;
  region?: string;
  requireApproval?: string;
  outputs?: string;
  stack?: string[];
  diff?: true;
  destroy?: true;
  yes?: true;
}

/**
 * The arguments for the CDK CLI. Paths become absolute, since it runs in the folder of cdk.json.
 *
 * @throws Error for a stack that the fleet does not have
 */
export function cdkArguments(
  fleet: { name: string; file: string },
  options: CdkOptions,
  more: readonly string[],
): string[] {
  const action = options.destroy ? 'destroy' : options.diff ? 'diff' : 'deploy';
  const stacks =
    options.stack?.map((name) => stackOf(fleet.name, name)) ?? STACKS.map((name) => stackNameOf(fleet.name, name));
  const valued = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  return [
    action,
    ...stacks,
    '-c',
    `fleet=${resolve(fleet.file)}`,
    ...valued('--profile', options.profile),
    ...valued('--region', options.region),
    ...(action === 'deploy' ? valued('--require-approval', options.requireApproval ?? (options.yes && 'never')) : []),
    ...(action === 'deploy' && options.outputs !== undefined ? ['--outputs-file', resolve(options.outputs)] : []),
    ...(action === 'destroy' && options.yes ? ['--force'] : []),
    ...more,
  ];
}

/** `ingest`, `Ingest` or the whole name. */
function stackOf(fleet: string, name: string): string {
  const found = STACKS.find(
    (stack) => stack.toLowerCase() === name.toLowerCase() || stackNameOf(fleet, stack) === name,
  );
  if (found) return stackNameOf(fleet, found);
  const near = nearNames(name, STACKS, 1);
  throw new Error(
    `--stack ${name}: expected one of ${STACKS.join(', ')}${near[0] ? `; did you mean ${near[0]}?` : ''}`,
  );
}
