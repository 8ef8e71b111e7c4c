import { type App, Tags } from 'aws-cdk-lib';
import type { Fleet } from '../core/fleet.ts';
import { FoundationStack } from './foundation-stack.ts';
import { IngestStack } from './ingest-stack.ts';
import { StorageStack } from './storage-stack.ts';

export interface FleetStacks {
  foundation: FoundationStack;
  storage: StorageStack;
  ingest: IngestStack;
}

/**
 * All stacks of a fleet. They name no account and no region: whoever deploys brings them, and a synth needs none.
 *
 * @param fleet one that has no `cloudProblems`
 * @param bundles folder with one folder per function's bundle, as build.mjs makes dist/lambdas
 */
export function createFleetStacks(app: App, fleet: Fleet, bundles: string): FleetStacks {
  const foundation = new FoundationStack(app, { fleet });
  const storage = new StorageStack(app, { fleet, foundation });
  const ingest = new IngestStack(app, { fleet, foundation, storage, bundles });
  for (const [name, stack] of Object.entries({ foundation, storage, ingest })) {
    // The bill can be split by them: https://docs.aws.amazon.com/cost-management/latest/userguide/ce-cost-allocation-tags.html
    Tags.of(stack).add('headwater:fleet', fleet.name);
    Tags.of(stack).add('headwater:stack', name);
  }
  return { foundation, storage, ingest };
}
