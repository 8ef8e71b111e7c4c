import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Fleet } from '../../core/fleet.ts';
import type { AggregateVariables } from '../../lambdas/variables.ts';
import type { ColdBucket } from '../storage/cold-bucket.ts';
import { BundledFunction, type FunctionSetting, ONE_PROCESSOR_MB } from './bundled-function.ts';
import { MessageQueue } from './message-queue.ts';
import { concurrency } from './traffic-settings.ts';

/** A batch of ingest has at most 350,000 rows, which take some 20 s of a processor; two messages must fit, with room. */
const TIMEOUT = Duration.minutes(2);

export interface LandedAggregateProps extends FunctionSetting {
  fleet: Fleet;
  cold: ColdBucket;
}

/** From keys of landed objects to partial summaries. Nothing waits for it: a key that is lost is found by the sweep. */
export class LandedAggregate extends Construct {
  readonly landed: MessageQueue;
  readonly aggregate: BundledFunction<AggregateVariables>;

  constructor(scope: Construct, id: string, props: LandedAggregateProps) {
    super(scope, id);
    const { fleet, cold, keys, alarms } = props;
    this.landed = new MessageQueue(this, 'Landed', {
      keys,
      alarms,
      functionTimeout: TIMEOUT,
      // An object that cannot be read five times will not become readable; the sweep names it again.
      maxReceiveCount: 5,
      oldest: Duration.hours(1),
    });
    this.aggregate = new BundledFunction(this, 'Aggregate', {
      ...props,
      bundle: 'aggregate',
      description: `Headwater ${fleet.name}: summaries of what landed`,
      memoryMb: ONE_PROCESSOR_MB,
      timeout: TIMEOUT,
      environment: (role) => cold.grantAggregate(role),
    });
    const nodes = fleet.nodes.reduce((sum, { count }) => sum + (count ?? 1), 0);
    this.landed.feed(this.aggregate.function, { batchSize: 2, maxConcurrency: concurrency(nodes, 100) });
  }
}
