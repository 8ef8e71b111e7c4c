import { ruleNameOf } from '../../core/cloud-names.ts';
import {
  type Json,
  type JsonObject,
  type Placed,
  resourcesOf,
  type StackName,
  type Synthesised,
} from './fleet-templates.ts';

/** One thing that somebody may do; `only` is empty if there is no condition. */
export interface Right {
  who: string;
  action: string;
  on: string;
  only: string;
}

export interface Statement {
  who: string;
  effect: Json;
  actions: string[];
  resources: string[];
  only: string;
  /** Whether it hangs on a resource or on who may do it. */
  on: 'resource' | 'identity';
}

/** Every right that the templates give: to roles, to nodes, to services and the account. */
export const rightsOf = (fleet: Synthesised): Right[] =>
  statementsOf(fleet)
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ who, actions, resources, only }) =>
      actions.flatMap((action) => resources.map((on) => ({ who, action, on, only }))),
    );

/** What carries a policy in our templates, and where in it. */
const POLICY_DOCUMENTS: Readonly<Record<string, string>> = {
  'AWS::IAM::Policy': 'PolicyDocument',
  'AWS::IoT::Policy': 'PolicyDocument',
  'AWS::KMS::Key': 'KeyPolicy',
  'AWS::S3::BucketPolicy': 'PolicyDocument',
  'AWS::SNS::TopicPolicy': 'PolicyDocument',
  'AWS::SQS::QueuePolicy': 'PolicyDocument',
};

export const statementsOf = (fleet: Synthesised): Statement[] =>
  resourcesOf(fleet).flatMap((placed) => {
    const property = POLICY_DOCUMENTS[placed.resource.Type];
    if (property === undefined) return [];
    const document = placed.resource.Properties?.[property] as { Statement: JsonObject[] };
    return document.Statement.map((statement) => readStatement(fleet, placed, statement));
  });

function readStatement(fleet: Synthesised, placed: Placed, statement: JsonObject): Statement {
  const text = (value: Json): string => textOf(fleet, placed.stack, value);
  const principal = statement.Principal as JsonObject | undefined;
  const [role] = (placed.resource.Properties?.Roles ?? []) as Json[];
  const who =
    principal !== undefined
      ? listOf(typeof principal === 'object' ? Object.values(principal).flat() : principal)
          .map(text)
          .join(', ')
      : role !== undefined
        ? text(role)
        : placed.path;
  return {
    who,
    effect: statement.Effect!,
    actions: listOf(statement.Action!) as string[],
    // In a key's policy `*` means the key.
    resources: listOf(statement.Resource!).map((value) =>
      value === '*' && placed.resource.Type === 'AWS::KMS::Key' ? placed.path : text(value),
    ),
    only: Object.values((statement.Condition ?? {}) as Record<string, JsonObject>)
      .flatMap((test) => Object.entries(test))
      .map(([key, values]) => `${key} ${listOf(values).map(text).join(' or ')}`)
      .sort()
      .join(', '),
    on: principal === undefined ? 'identity' : 'resource',
  };
}

/** A value as people read it: resources by their path, what follows from region, account and fleet as `{…}`. */
export function textOf(fleet: Synthesised, stack: StackName, value: Json): string {
  const text = resolve(fleet, stack, value);
  const { name } = fleet.fleet;
  return text
    .replace(/^arn:{partition}:(\w+):{region}:{account}:/, '$1:')
    .replace('arn:{partition}:iam::{account}:root', 'iam:root of the account')
    .replaceAll(ruleNameOf(name, 'critical').replace(/critical$/, ''), 'headwater_{fleet}_')
    .replaceAll(`Headwater/${name}`, 'Headwater/{fleet}')
    .replaceAll(`\${iot:Connection.Thing.ThingName}`, '{own name}');
}

function resolve(fleet: Synthesised, stack: StackName, value: Json): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const call = value as JsonObject;
  if (typeof call.Ref === 'string') return PSEUDO[call.Ref] ?? pathOf(fleet, stack, call.Ref);
  const [id] = (call['Fn::GetAtt'] ?? []) as string[];
  if (id !== undefined) return pathOf(fleet, stack, id);
  const [separator, parts] = (call['Fn::Join'] ?? []) as [string, Json[]];
  if (parts !== undefined) return parts.map((part) => resolve(fleet, stack, part)).join(separator);
  const imported = call['Fn::ImportValue'];
  for (const [exporter, { Outputs }] of Object.entries(fleet.templates) as [
    StackName,
    Synthesised['templates']['Ingest'],
  ][]) {
    for (const { Export, Value } of Object.values(Outputs ?? {})) {
      if (imported !== undefined && Export?.Name === imported) return resolve(fleet, exporter, Value);
    }
  }
  throw new Error(`${stack}: cannot read ${JSON.stringify(value)}`);
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': '{partition}',
  'AWS::Region': '{region}',
  'AWS::AccountId': '{account}',
  'AWS::URLSuffix': '{suffix}',
};

function pathOf(fleet: Synthesised, stack: StackName, id: string): string {
  const found = resourcesOf(fleet).find((placed) => placed.stack === stack && placed.id === id);
  if (found === undefined) throw new Error(`${stack} has no resource ${id}`);
  return found.path;
}

export const listOf = (value: Json): Json[] => (Array.isArray(value) ? [...value] : [value]);
