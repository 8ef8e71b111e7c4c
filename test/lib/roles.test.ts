import { describe, expect, test } from '@jest/globals';
import { ROLE_TABLE } from '../../lib/role-table.ts';
import { fleetFile, type JsonObject, resourcesOf, type Synthesised, synthesise } from '../helpers/fleet-templates.ts';
import { listOf, type Right, rightsOf, statementsOf, textOf } from '../helpers/rights.ts';

const fleet = synthesise(await fleetFile('small-factory'));
const smartCity = synthesise(await fleetFile('smart-city'));

const line = ({ who, action, on, only }: Right): string => [who, action, on, only].join(' | ');
const intended = ROLE_TABLE.flatMap(({ who, actions, on, only = '' }) =>
  who.flatMap((one) => actions.flatMap((action) => on.map((resource) => ({ who: one, action, on: resource, only })))),
).map(line);

/** Rights that only the templates give, and rights that only the table names. */
const differences = (synthesised: Synthesised): { given: string[]; named: string[] } => {
  const real = rightsOf(synthesised).map(line);
  return {
    given: real.filter((right) => !intended.includes(right)),
    named: intended.filter((right) => !real.includes(right)),
  };
};

describe('the role table', () => {
  test('is what the templates give, in both directions', () => {
    expect(differences(fleet)).toEqual({ given: [], named: [] });
    expect(differences(smartCity)).toEqual({ given: [], named: [] });
  });

  test('names each right once, with a reason', () => {
    expect(intended.filter((right, at) => intended.indexOf(right) !== at)).toEqual([]);
    expect(ROLE_TABLE.filter(({ why }) => why.length < 10)).toEqual([]);
  });

  test('a right that only the templates give is seen', () => {
    const planted = change(fleet, (statement) =>
      statement.Action === 'iot:Publish' ? { ...statement, Action: ['iot:Publish', 'iot:RetainPublish'] } : statement,
    );
    expect(differences(planted).given).toContain(
      'Ingest/Bulk/Ingest/Role | iot:RetainPublish | iot:topic/headwater/*/answer | ',
    );
  });

  test('a right that only the table names is seen', () => {
    const planted = change(fleet, (statement) =>
      statement.Action === 'sns:Publish' ? { ...statement, Effect: 'Deny' } : statement,
    );
    expect(differences(planted).named).toContain(
      'Ingest/Critical/Ingest/Role | sns:Publish | Ingest/CriticalRecords/Topic | ',
    );
  });

  test('a condition that is dropped is seen', () => {
    const planted = change(fleet, ({ Condition, ...statement }) => statement);
    expect(differences(planted).given).toContain('Ingest/Comparing/Compare/Role | cloudwatch:PutMetricData | * | ');
  });
});

test('no policy has a wildcard in action and resource together', () => {
  const wild = (synthesised: Synthesised) =>
    statementsOf(synthesised).filter(
      ({ effect, on, actions, resources }) =>
        effect === 'Allow' &&
        on === 'identity' &&
        actions.some((action) => action.includes('*')) &&
        resources.some((resource) => resource.includes('*')),
    );
  expect(wild(fleet)).toEqual([]);
  const planted = change(fleet, (statement) =>
    statement.Action === 'iot:Publish' ? { ...statement, Action: 'iot:*' } : statement,
  );
  expect(wild(planted)).toHaveLength(2);
});

test('each role serves one service of this account, and holds no policy of AWS or of another role', () => {
  const roles = resourcesOf(fleet, 'AWS::IAM::Role');
  const trusted = roles.map(({ stack, path, resource }) => {
    const { Statement } = resource.Properties!.AssumeRolePolicyDocument as { Statement: JsonObject[] };
    const services = Statement.flatMap(({ Principal, Condition = {} }) => [
      (Principal as JsonObject).Service!,
      ...Object.values(Condition as Record<string, JsonObject>).flatMap((condition) => Object.values(condition)),
    ]);
    return [path, services.map((service) => textOf(fleet, stack, service)).join(' ')];
  });
  expect(Object.fromEntries(trusted)).toEqual({
    'Ingest/Critical/Rule/Role': 'iot.amazonaws.com {account} iot:rule/headwater_{fleet}_critical',
    'Ingest/Bulk/Rule/Role': 'iot.amazonaws.com {account} iot:rule/headwater_{fleet}_bulk',
    'Ingest/Critical/Ingest/Role': 'lambda.amazonaws.com',
    'Ingest/Bulk/Ingest/Role': 'lambda.amazonaws.com',
    'Ingest/Summaries/Aggregate/Role': 'lambda.amazonaws.com',
    'Ingest/Sweeping/Sweep/Role': 'lambda.amazonaws.com',
    'Ingest/Comparing/Compare/Role': 'lambda.amazonaws.com',
    'Ingest/Sweeping/Hourly/Role': 'scheduler.amazonaws.com {account}',
    'Ingest/Comparing/Often/Role': 'scheduler.amazonaws.com {account}',
  });
  expect(roles.filter(({ resource }) => resource.Properties!.ManagedPolicyArns !== undefined)).toEqual([]);
  const holders = resourcesOf(fleet, 'AWS::IAM::Policy').map(
    ({ resource }) => listOf(resource.Properties!.Roles!).length,
  );
  expect(new Set(holders)).toEqual(new Set([1]));
});

/** The same templates with each statement of an identity policy changed. */
function change(synthesised: Synthesised, to: (statement: JsonObject) => JsonObject): Synthesised {
  const copy = structuredClone(synthesised);
  for (const { resource } of resourcesOf(copy, 'AWS::IAM::Policy')) {
    const document = resource.Properties!.PolicyDocument as { Statement: JsonObject[] };
    document.Statement = document.Statement.map(to);
  }
  return copy;
}
