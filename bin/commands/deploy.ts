import { Command, Option } from 'commander';
import type { DeployOptions } from '../running/run-deploy.ts';

const EXAMPLES = `
Examples, in a checkout of Headwater after npm ci:
  $ headwater deploy fleet.yaml --diff                        what would change
  $ headwater deploy fleet.yaml --profile plant --region eu-central-1
  $ headwater deploy fleet.yaml --stack Ingest -- --hotswap   what follows -- goes to the CDK CLI as it is
  $ headwater deploy fleet.yaml --yes                         for scripts: asks nothing
  $ headwater deploy fleet.yaml --destroy                     leave (revoke the nodes first); what holds data is retained`;

/** `headwater deploy FLEET`: checks the fleet file, then hands over to the CDK CLI. */
export function deployCommand(): Command {
  return new Command('deploy')
    .description('make or update the AWS side of a fleet: check, then the CDK CLI with all stacks of the fleet')
    .argument('<fleet>', 'fleet file (YAML)')
    .argument('[cdk...]', 'after --: more arguments for the CDK CLI')
    .option('--profile <name>', 'AWS profile')
    .option('--region <region>', 'AWS region')
    .addOption(
      new Option('--require-approval <which>', 'changes to ask about first').choices([
        'never',
        'any-change',
        'broadening',
      ]),
    )
    .option('--outputs <file>', 'write names and addresses of what was made there, as JSON')
    .option('--stack <name...>', 'only these: Foundation, Storage, Ingest (and what they need)')
    .option('--diff', 'show what would change, and change nothing')
    .addOption(new Option('--destroy', 'remove the stacks; the CDK CLI asks first').conflicts('diff'))
    .option('--yes', 'do not ask: changes are approved, with --destroy the stacks are removed')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, cdk: string[], options: DeployOptions) =>
      (await import('../running/run-deploy.ts')).runDeploy(file, cdk, options),
    );
}
