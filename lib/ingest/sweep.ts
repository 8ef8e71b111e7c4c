import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Fleet } from '../../core/fleet.ts';
import type { SweepVariables } from '../../lambdas/variables.ts';
import type { ColdBucket } from '../storage/cold-bucket.ts';
import type { IndexTable } from '../storage/index-table.ts';
import { BundledFunction, type FunctionSetting } from './bundled-function.ts';
import type { MessageQueue } from './message-queue.ts';
import { FunctionSchedule } from './schedule.ts';

export interface SweepProps extends FunctionSetting {
  fleet: Fleet;
  cold: ColdBucket;
  index: IndexTable;
  landed: MessageQueue;
}

/** Every hour: finishes what ingest could not, and has summarised what nobody summarised. */
export class Sweep extends Construct {
  readonly sweep: BundledFunction<SweepVariables>;

  constructor(scope: Construct, id: string, props: SweepProps) {
    super(scope, id);
    const { fleet, cold, index, landed } = props;
    this.sweep = new BundledFunction(this, 'Sweep', {
      ...props,
      bundle: 'sweep',
      description: `Headwater ${fleet.name}: finishes what was cut off`,
      // It lists and waits; more processor would wait as long.
      memoryMb: 512,
      // The longest a function may run is 15 min: after an outage much may be left, and what is not done in one hour
      // is done in the next.
      timeout: Duration.minutes(10),
      environment: (role) => ({
        ...cold.grantSweep(role),
        ...index.grantStore(role),
        HEADWATER_LANDED_QUEUE_URL: landed.grantSend(role),
      }),
    });
    new FunctionSchedule(this, 'Hourly', { starts: this.sweep.function, everyMinutes: 60 });
  }
}
