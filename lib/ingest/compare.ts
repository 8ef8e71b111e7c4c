import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { nodesVariable } from '../../core/cloud-limits.ts';
import { LEDGER_DIFFERENCE, metricNamespaceOf } from '../../core/cloud-names.ts';
import type { Fleet } from '../../core/fleet.ts';
import type { CompareVariables } from '../../lambdas/variables.ts';
import type { IndexTable } from '../storage/index-table.ts';
import { acknowledgeWildcard } from '../wildcard.ts';
import { ALARM_PERIOD } from './alarms.ts';
import { BundledFunction, type FunctionSetting } from './bundled-function.ts';
import { FunctionSchedule } from './schedule.ts';

export interface CompareProps extends FunctionSetting {
  fleet: Fleet;
  index: IndexTable;
}

/** Every five minutes: do the counters, the index and what the nodes state agree? */
export class Compare extends Construct {
  readonly compare: BundledFunction<CompareVariables>;

  constructor(scope: Construct, id: string, props: CompareProps) {
    super(scope, id);
    const { fleet, index, alarms } = props;
    const namespace = metricNamespaceOf(fleet.name);
    this.compare = new BundledFunction(this, 'Compare', {
      ...props,
      bundle: 'compare',
      description: `Headwater ${fleet.name}: compares both sides of the ledger`,
      // It reads a few items a node and waits for them.
      memoryMb: 512,
      // Done before the next one starts.
      timeout: Duration.minutes(4),
      environment: (role) => {
        grantMetrics(role, namespace);
        return {
          HEADWATER_FLEET: fleet.name,
          HEADWATER_NODES: nodesVariable(fleet),
          ...index.grantRead(role),
        };
      },
    });
    new FunctionSchedule(this, 'Often', { starts: this.compare.function, everyMinutes: 5 });
    alarms.watch(this, 'Difference', {
      metric: new cloudwatch.Metric({
        namespace,
        metricName: LEDGER_DIFFERENCE,
        statistic: 'Maximum',
        period: ALARM_PERIOD,
      }),
      description: 'Records that one side counts and the other does not, or the comparison does not run.',
      silence: true,
    });
  }
}

function grantMetrics(role: iam.Role, namespace: string): void {
  role.addToPolicy(
    new iam.PolicyStatement({
      actions: ['cloudwatch:PutMetricData'],
      resources: ['*'],
      conditions: { StringEquals: { 'cloudwatch:namespace': namespace } },
    }),
  );
  acknowledgeWildcard(role, '*', 'PutMetricData knows no resources; the condition on the namespace is the bound.');
}
