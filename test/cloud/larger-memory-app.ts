import { join, resolve } from 'node:path';
import { App, aws_lambda as lambda } from 'aws-cdk-lib';
import { loadFleet } from '../../adapters/fleet-file.ts';
import { createFleetStacks } from '../../lib/fleet-stacks.ts';

/** As bin/cdk.ts, after somebody gave every function 64 MB more. */
const app = new App();
const loaded = await loadFleet(app.node.getContext('fleet') as string);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const { ingest } = createFleetStacks(app, loaded.fleet, join(resolve(import.meta.dirname, '../..'), 'dist', 'lambdas'));
for (const resource of ingest.node.findAll()) {
  if (resource instanceof lambda.CfnFunction) resource.memorySize = (resource.memorySize ?? 128) + 64;
}
app.synth();
