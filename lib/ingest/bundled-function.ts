import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Fleet } from '../../core/fleet.ts';
import type { FleetKeys } from '../foundation/fleet-keys.ts';
import { ALARM_PERIOD, type Alarms } from './alarms.ts';

/** What all functions of a fleet share. */
export interface FunctionSetting {
  /** Folder with one folder per bundle, made by build.mjs. */
  bundles: string;
  keys: FleetKeys;
  logDays: Fleet['cloud']['logDays'];
  alarms: Alarms;
}

export interface BundledFunctionProps<Variables> extends FunctionSetting {
  bundle: 'ingest' | 'aggregate' | 'sweep' | 'compare';
  description: string;
  memoryMb: number;
  timeout: Duration;
  /** Gives the role its rights and returns what the function must know of what it may use. */
  environment: (role: iam.Role) => Variables;
}

/** Memory buys processor time: at 1,769 MB a function has one whole processor, and our code has one thread. */
export const ONE_PROCESSOR_MB = 1769;

/**
 * A function from its bundle, with a role of its own that may write to the function's own log and do what its grants
 * gave, and alarms for what it cannot tell itself.
 */
export class BundledFunction<Variables extends Record<string, string | undefined>> extends Construct {
  readonly function: lambda.Function;
  readonly log: logs.LogGroup;

  constructor(scope: Construct, id: string, props: BundledFunctionProps<Variables>) {
    super(scope, id);
    this.log = new logs.LogGroup(this, 'Log', {
      retention: props.logDays,
      encryptionKey: props.keys.operations,
      // It holds the audit trail: who was refused what.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.log.logGroupArn],
      }),
    );
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: bundleCode(join(props.bundles, props.bundle)),
      handler: 'index.handler',
      environment: definedOf(props.environment(role)),
      memorySize: props.memoryMb,
      timeout: props.timeout,
      logGroup: this.log,
      role,
    });
    props.alarms.watch(this, 'Errors', {
      metric: this.function.metricErrors({ period: ALARM_PERIOD }),
      description: `${this.node.path}: the function threw, ran out of time or memory. Look at its log.`,
    });
    props.alarms.watch(this, 'Throttles', {
      metric: this.function.metricThrottles({ period: ALARM_PERIOD }),
      description: `${this.node.path}: the account has no room to run the function. Look at its concurrency quota.`,
    });
  }
}

/** Source maps stay at home: they would triple the size and nothing there reads them. */
function bundleCode(folder: string): lambda.Code {
  if (!existsSync(join(folder, 'index.mjs'))) {
    throw new Error(`${folder} has no index.mjs: run \`npm run build\` first`);
  }
  return lambda.Code.fromAsset(folder, { exclude: ['*.map'] });
}

const definedOf = (variables: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
