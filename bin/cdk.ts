import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { cloudProblems } from '../core/cloud-limits.ts';
import { createFleetStacks } from '../lib/fleet-stacks.ts';
import { packageRoot } from './package-root.ts';
import { EXIT } from './program.ts';
import { loadFleetOrReport } from './running/fleet-option.ts';

/** The CDK app of one fleet file: `cdk synth -c fleet=fleets/small-factory.yaml`. */
const app = new App();
const file: unknown = app.node.tryGetContext('fleet');
if (typeof file !== 'string') {
  process.stderr.write('no fleet file given: add -c fleet=PATH, for example -c fleet=fleets/small-factory.yaml\n');
  process.exitCode = EXIT.usage;
} else {
  const fleet = await loadFleetOrReport(file);
  const problems = fleet === undefined ? [] : cloudProblems(fleet);
  for (const { path, message } of problems) process.stderr.write(`${file}: ${path.join('.')}: ${message}\n`);
  if (problems.length > 0) process.exitCode = EXIT.problem;
  else if (fleet !== undefined) {
    createFleetStacks(app, fleet, join(packageRoot(), 'dist', 'lambdas'));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    app.synth();
  }
}
