import { Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';

/** Starts a function again and again, under a role that may do nothing else. */
export class FunctionSchedule extends Construct {
  constructor(scope: Construct, id: string, props: { starts: lambda.Function; everyMinutes: number }) {
    super(scope, id);
    const { starts, everyMinutes } = props;
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        // No schedule of another account may borrow the role.
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [starts.functionArn] }));
    const schedule = new scheduler.CfnSchedule(this, 'Schedule', {
      scheduleExpression: `rate(${everyMinutes} minutes)`,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: starts.functionArn,
        roleArn: role.roleArn,
        // What cannot be started now is made up for by the next time.
        retryPolicy: { maximumRetryAttempts: 2, maximumEventAgeInSeconds: 60 * everyMinutes },
      },
    });
    schedule.node.addDependency(role);
  }
}
